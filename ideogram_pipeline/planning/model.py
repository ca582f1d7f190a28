"""What planning hands on: pictures that should exist, and what is to be done about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from ideogram_pipeline.apiframe.model import INPUT_PARAMS, RenderingSpeed
from ideogram_pipeline.catalog.model import Picture

Decision = Literal["reuse", "resume", "generate", "blocked"]


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """Prompt x variation x edition: exactly one picture that should exist.

    ``fingerprint`` is its identity where money is concerned: two planned images with one
    fingerprint are one picture, bought once.
    """

    character_id: str
    prompt_id: str
    variation: int
    edition: str
    prompt: str
    """The text as sent: prefix and suffix added, white space normalised."""
    params: Mapping[str, str | int]
    """``ideogramParams`` as sent, without the addresses of the input pictures."""
    reference: Picture
    image: Picture | None
    mask: Picture | None
    fingerprint: str
    credits: int
    """Price in credits, by rendering speed."""
    title: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def inputs(self) -> dict[str, Picture]:
        """The input pictures by the parameter that carries their address."""
        pictures = (self.reference, self.image, self.mask)
        return {name: found for name, found in zip(INPUT_PARAMS, pictures, strict=True) if found}

    @property
    def seed(self) -> int:
        """The seed as sent."""
        return int(self.params["seed"])

    @property
    def rendering_speed(self) -> RenderingSpeed:
        """The tier as sent."""
        # The catalog lets in no other words than the tiers'.
        return cast(RenderingSpeed, self.params["rendering_speed"])

    @property
    def reproducible(self) -> bool:
        """False where the provider may rewrite the prompt, so that a seed does not repeat it."""
        return self.params["magic_prompt_option"] == "Off"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """A planned image as people read of it, with its decision and, in words, why."""

    character_id: str
    prompt_id: str
    variation: int
    edition: str
    rendering_speed: RenderingSpeed
    seed: int
    fingerprint: str
    reproducible: bool
    price: int
    """Credits that the picture costs, whoever buys it and whenever."""
    decision: Decision
    reason: str
    credits: int
    """What carrying it out costs: its price if it is to be generated, and also if it is to be sent
    again because nobody knows whether it was accepted (then at most); else 0."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a fingerprint stands in the journal: its newest attempt, as far as it matters."""

    state: str
    attempt: int
    error: str | None = None
    retriable: bool = True
    """Whether a failed attempt may be followed by another one unasked."""


@dataclass(frozen=True, slots=True)
class Standings:
    """Where all the fingerprints that were asked for stand, as far as they have an attempt."""

    stored: Iterable[str]
    """Fingerprints of pictures on file, in long texts with a comma between two: there may be a
    million of them."""
    others: Mapping[str, Standing]
    """The fingerprints whose newest attempt has not come so far; one that is here counts from
    here only."""


@dataclass(frozen=True, slots=True)
class Bought:
    """What was last bought for a prompt and variation; tells why a new picture is planned."""

    edition: str
    prompt: str
    params: Mapping[str, str | int]
    reference_sha256: str
    image_sha256: str | None
    mask_sha256: str | None
