"""The kind of cell that says when a row is made anew: one of a few words, or a cron expression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cronsim import CronSim, CronSimError

from ideogram_pipeline.catalog.cells import Choice, Refusal

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_LONGEST = 250
"""Characters; every hour, day and month written out takes fewer."""
_ANY_TIME = datetime(2000, 1, 1)
"""What never comes in the 50 years after it never comes: its calendar repeats within 28."""


@dataclass(frozen=True)
class Schedule:
    """A word for a period, or five fields of cron, whose minute is one number."""

    words: Choice

    @property
    def rule(self) -> str:
        """The words, and how else it may be said."""
        return self.words.rule

    def parse(self, cell: str) -> str | None:
        """Return the word, or the expression in capitals with single spaces."""
        fields = cell.split()
        if len(fields) == 1:
            return self.words.parse(cell)
        if reason := _why_not(fields):
            raise Refusal(f"must be {self.rule}: {reason}")
        return " ".join(fields).upper()

    def certain(self, cell: str) -> tuple[str, str]:
        """Every one of the words; of expressions, `sifting` has each different one parsed once."""
        return self.words.certain(cell)


def _why_not(fields: list[str]) -> str | None:
    """Say what is wrong with an expression; ``None`` if it is one by which a row can be made."""
    expression = " ".join(fields)
    if len(fields) != len(_FIELDS):
        return f"this has {len(fields)} fields instead of five ({', '.join(_FIELDS)})"
    if len(expression) > _LONGEST:
        return f"this is longer than {_LONGEST} characters"
    if not expression.isascii():
        # In capitals, some of them would be letters that cron knows.
        return "this has a letter in it that cron does not know"
    minute = fields[0]
    if not (minute.isdigit() and int(minute) < 60):
        return (
            f"the minute of this is {minute}, but must be one number from 0 to 59, so that a row "
            "is made anew once an hour at most"
        )
    try:
        times = CronSim(expression, _ANY_TIME)
    except CronSimError as error:
        # As in "Bad day-of-month", also of one that none of the months has.
        return f"this has a {str(error).lower()}"
    return None if next(times, None) else "this has no day that ever comes"
