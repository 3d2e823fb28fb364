"""What the headers of an answer say of the rate limit (Source: P-29) and of the remote's clock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from pandabase_django.printable import printable

__all__ = [
    "MAX_BLOCK_SECONDS",
    "Allowance",
    "allowance",
    "blocked_until",
    "clock_skew_seconds",
    "retry_after_seconds",
    "window_of",
]

# How long the windows of the limits are is not documented; the known one lasts a second. Asking
# too early costs one refused request in a quarter of an hour, a wrong header would stop the shop.
MAX_BLOCK_SECONDS = 900.0
DATE_SECONDS = 1.0  # what the Date header leaves open: it has whole seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit."""

    limit: int
    remaining: int
    scope: str
    reset_at: datetime | None


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """The rate limit as an answer gives it; None when it does not."""
    try:
        limit = int(headers.get("X-RateLimit-Limit", ""))
        remaining = int(headers.get("X-RateLimit-Remaining", ""))
    except ValueError:
        return None
    try:
        reset_at = datetime.fromtimestamp(
            float(headers.get("X-RateLimit-Reset", "")), tz=timezone.utc
        )
    except (ValueError, OverflowError, OSError):
        reset_at = None
    return Allowance(
        limit=limit,
        remaining=remaining,
        scope=printable(headers.get("X-RateLimit-Type", ""))[:64],
        reset_at=reset_at,
    )


def blocked_until(
    headers: Mapping[str, str], *, refused: bool, sent_at: float, received_at: float
) -> float | None:
    """When the limit that an answer names lets the next request through, by our own clock.

    The reset is a time of the remote's clock, so it is moved by as much as the clocks differ.

    Args:
        headers: Of the answer.
        refused: It was a 429; any other names a limit only when nothing remains.
        sent_at: Unix time when the request was sent.
        received_at: Unix time when the headers were there.

    Returns:
        Unix time, at most ``MAX_BLOCK_SECONDS`` after the answer; None when nothing is exhausted.
    """
    if not refused and headers.get("X-RateLimit-Remaining", "").strip() != "0":
        return None
    named: list[float] = []
    reset = _number(headers.get("X-RateLimit-Reset"))
    if reset is not None:
        reset += _ahead_seconds(headers, sent_at=sent_at, received_at=received_at)
        if reset > received_at:
            named.append(reset)
    after = retry_after_seconds(headers)
    if after:  # "0", or a date that is over, names no moment: whoever asks at once asks for ever
        named.append(received_at + after)
    if not named and refused:
        named.append(received_at + 1.0)
    # Both are said of the same limit: whoever keeps to the earlier one is refused again.
    return min(max(named), received_at + MAX_BLOCK_SECONDS) if named else None


def window_of(
    headers: Mapping[str, str], *, sent_at: float, received_at: float
) -> tuple[int, float, float] | None:
    """The window in which an answer's request was counted; None when the answer does not say.

    Args:
        headers: Of the answer.
        sent_at: Unix time when the request was sent.
        received_at: Unix time when the headers were there.

    Returns:
        The limit; when the window ends, by the remote's clock; how far our clock is ahead of it.
    """
    limit, reset = (
        _number(headers.get("X-RateLimit-Limit")),
        _number(headers.get("X-RateLimit-Reset")),
    )
    if not limit or not reset:
        return None
    return int(limit), reset, _ahead_seconds(headers, sent_at=sent_at, received_at=received_at)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """``Retry-After``: a number of seconds, or a date by the remote's clock; None if absent.

    A date is measured from the answer's own ``Date``.
    """
    text = headers.get("Retry-After")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    until, now = _date_in(text), _date(headers)
    if until is None:
        return None
    return max(0.0, until - (time.time() if now is None else now))


def clock_skew_seconds(
    headers: Mapping[str, str], *, sent_at: float, received_at: float
) -> float | None:
    """How far this machine's clock is ahead of the remote's; None when the answer has no date.

    The header has whole seconds, so that less than about one second means nothing.

    Args:
        headers: Of the answer.
        sent_at: Unix time when the request was sent.
        received_at: Unix time when the answer was there.
    """
    theirs = _date(headers)
    if theirs is None:
        return None
    return (sent_at + received_at) / 2 - (theirs + DATE_SECONDS / 2)


def _ahead_seconds(headers: Mapping[str, str], *, sent_at: float, received_at: float) -> float:
    """The most that our clock may be ahead (negative: behind); 0 when both may be right.

    The most, so that a wait is too long by as much as is not known, and never too short.
    """
    theirs = _date(headers)
    if theirs is None or sent_at - DATE_SECONDS <= theirs <= received_at:
        return 0.0
    return received_at - theirs


def _date(headers: Mapping[str, str]) -> float | None:
    """Unix time by the remote's clock, in whole seconds."""
    return _date_in(headers.get("Date", ""))


def _date_in(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp()


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e11 else None
