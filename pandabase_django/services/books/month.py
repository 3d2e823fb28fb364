"""A calendar month in UTC, which is what the remote dates everything in (Source: P-25)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

__all__ = ["Month"]

_TEXT = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in UTC::

        Month.of_text("2026-10")

    Attributes:
        year: Such as 2026.
        number: 1 to 12.
    """

    year: int
    number: int

    @classmethod
    def of_text(cls, text: str) -> Month:
        """The month of a text such as 2026-10.

        Raises:
            ValueError: It is none.
        """
        found = _TEXT.match(text)
        if found is None or not 1970 <= int(found[1]) < 9999:
            raise ValueError("A month is written like 2026-10.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of_time(cls, at: datetime) -> Month:
        """The month that a time is in.

        Args:
            at: Aware.
        """
        at = at.astimezone(timezone.utc)
        return cls(at.year, at.month)

    @property
    def next(self) -> Month:
        """The one after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=timezone.utc)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.next.start

    def has(self, at: datetime | None) -> bool:
        """Whether a time is in it.

        Args:
            at: Aware; None is in no month.
        """
        return at is not None and self.start <= at < self.end

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
