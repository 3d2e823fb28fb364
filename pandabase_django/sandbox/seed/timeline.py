"""When things happened: seeded times by arithmetic, later ones by a clock that a test can set.

Seeded times end at a fixed date, never at "now", so that a seed gives the same store every day.
"""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import ClassVar

__all__ = ["DAY_MS", "EPOCH_MS", "START_MS", "Clock", "Timeline", "iso", "moment_ms", "parse_ms"]

DAY_MS = 86_400_000
EPOCH_MS = 1_735_689_600_000
"""2025-01-01T00:00:00Z, where seeded history ends: long past on any machine that runs this."""

START_MS = EPOCH_MS - 730 * DAY_MS
"""Where seeded history begins."""

_AFTER_SEEDED_MS = EPOCH_MS + 30 * DAY_MS
"""Seeded refunds and disputes trail their orders by some days; later changes come after them."""

_ORDINAL_1970 = date(1970, 1, 1).toordinal()
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return str(date.fromordinal(_ORDINAL_1970 + day))


def iso(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, from milliseconds since 1970. Source: P-25."""
    day, rest = divmod(ms, DAY_MS)
    seconds, milliseconds = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}Z"


def moment_ms(text: str) -> int | None:
    """Milliseconds since 1970 of a date-time as RFC 3339 has it; None when it is none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, offset = found.groups()
    offset = offset.upper().replace("Z", "+00:00")
    milliseconds = int(f"{fraction or 0:0<3}"[:3])
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return round(moment.timestamp()) * 1000 + milliseconds


def parse_ms(text: object) -> int | None:
    """The same of an ISO 8601 text that tests write, or a date; without an offset it is UTC."""
    if not isinstance(text, str):
        return None
    exact = moment_ms(text)
    if exact is not None:
        return exact
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


class Timeline:
    """Creation times of ``total`` seeded objects: ascending with the index, now and then equal.

    With ``equal`` all were created at one moment, as the rows of an import.
    """

    def __init__(self, total: int, *, equal: bool = False) -> None:
        self.total = total
        self._equal = equal
        self._step = max(1, (EPOCH_MS - START_MS) // max(1, total))

    def created_ms(self, index: int) -> int:
        """Creation time of a seeded object, in milliseconds since 1970."""
        if self._equal:
            return START_MS
        phase = index % 11
        if phase in (5, 6):  # three neighbours share a millisecond, as bursts of sales do
            index -= phase - 4
        return START_MS + index * self._step + (index * 2_654_435_761 & 0xFFFFFFFF) % self._step

    def count_until(self, ms: int) -> int:
        """How many seeded objects were created at or before a moment."""
        low, high = 0, self.total
        while low < high:
            middle = (low + high) // 2
            if self.created_ms(middle) <= ms:
                low = middle + 1
            else:
                high = middle
        return low


class Clock:
    """The time of changes made while the sandbox runs. It never goes back by itself."""

    KEPT: ClassVar[tuple[str, ...]] = ("_fixed_ms", "_ahead_ms", "_last_ms")

    def __init__(self) -> None:
        self._fixed_ms: int | None = None
        self._ahead_ms = 0
        self._last_ms = _AFTER_SEEDED_MS

    def set(self, ms: int | None) -> None:
        """Stop at a moment, or follow the real time again (None)."""
        self._fixed_ms = ms

    def move_on(self, ms: int) -> None:
        """Let so much time pass at once."""
        if self._fixed_ms is None:
            self._ahead_ms += ms
        else:
            self._fixed_ms += ms

    def read_ms(self) -> int:
        """The time, without moving on: for comparing, not for dating."""
        if self._fixed_ms is not None:
            return self._fixed_ms
        return max(self._last_ms, self._real_ms())

    def now_ms(self) -> int:
        """Milliseconds since 1970; equal to a former answer only while the clock is stopped."""
        if self._fixed_ms is not None:
            return self._fixed_ms
        self._last_ms = max(self._last_ms + 1, self._real_ms())
        return self._last_ms

    def _real_ms(self) -> int:
        return int(time.time() * 1000) + self._ahead_ms
