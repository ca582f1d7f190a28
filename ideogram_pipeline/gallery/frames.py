"""A frame on the wall, as a template shows it: a picture, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ideogram_pipeline.gallery.records import FrameRecord


@dataclass(frozen=True, slots=True)
class Frame:
    """What is shown of one frame."""

    record: FrameRecord
    original: Path | None
    """The file as stored; ``None``: not there, and ``absence`` says why."""
    absence: str
    ratio: float | None
    """Width by height; ``None`` where there is no picture to tell."""

    @property
    def shared(self) -> bool:
        """Whether the picture was bought for another prompt that asks for the very same."""
        bought_for = (self.record.bought_for_character, self.record.bought_for_prompt)
        return self.original is not None and bought_for != (
            self.record.character_id,
            self.record.prompt_id,
        )


def frame_of(record: FrameRecord, folder: Path) -> Frame:
    """Look whether the picture is on disk and say in words what is wrong if it is not.

    Args:
        record: The row.
        folder: The folder of the mode, which stored paths start from.
    """
    original = folder / record.path if record.path else None
    absence = ""
    if original is None:
        absence = _why_not_stored(record)
    elif not original.is_file():
        absence = f"The file {record.path} is gone"
        original = None
    ratio = record.width / record.height if record.width and record.height else None
    return Frame(record, original, absence, ratio)


def _why_not_stored(record: FrameRecord) -> str:
    """The newest attempt knows more than the plan, which was made before it."""
    match record.status:
        case "submitting" | "submitted" | "completed":
            return "Under way at the provider"
        case "failed" | "rejected" | "expired" | "unresolved" as status:
            return f"{status.capitalize()}: {record.error}" if record.error else status.capitalize()
    match record.decision:
        case "generate":
            return f"Not bought yet ({record.reason})"
        case "blocked":
            return f"Blocked: {record.reason}"
    return f"Not on file yet: {record.reason}"
