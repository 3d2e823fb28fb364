"""Times as sentences show them, in the reader's zone and in the form of the active language.

In English a time of Django ends with "p.m.", and a sentence that ends with it would end twice. So
the hours of a half day are followed by AM and PM here.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import dateformat
from django.utils.formats import get_format
from django.utils.timezone import localdate, localtime

__all__ = ["clock_text", "day_text", "near_time_text", "time_text"]

_HALF_DAYS = {"P": "g:i A", "a": "A"}
_HALF_DAY = re.compile(r"(?<!\\)[Pa]")


def time_text(at: datetime | None) -> str:
    """The day and the time; an ellipsis when it is not known."""
    return "…" if at is None else _formatted(at, "DATETIME_FORMAT")


def day_text(at: datetime | None) -> str:
    """The day alone; an ellipsis when it is not known."""
    return "…" if at is None else _formatted(at, "DATE_FORMAT")


def clock_text(at: datetime) -> str:
    """The time of the day alone."""
    return _formatted(at, "TIME_FORMAT")


def near_time_text(at: datetime) -> str:
    """The time, with the day if it is not today."""
    return clock_text(at) if localtime(at).date() == localdate() else time_text(at)


def _formatted(at: datetime, name: str) -> str:
    form = _HALF_DAY.sub(lambda found: _HALF_DAYS[found[0]], str(get_format(name)))
    return dateformat.format(localtime(at), form)
