"""What a cache keeps is a help. Without the cache the work goes on, slower or with less to show."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pandabase_django.exceptions import interruptions
from pandabase_django.observing.logs import get_logger

__all__ = ["unless_cache_fails"]

logger = get_logger(__name__)

REPORT_EVERY_SECONDS = 60.0

T = TypeVar("T")


def unless_cache_fails(work: Callable[[], T], default: T) -> T:
    """What the work gives, or the default when the cache does not answer.

    The log has it once a minute of each process: every request would say the same.

    Args:
        work: Asks a cache and does nothing else.
        default: What a cache that knows nothing would give.
    """
    try:
        return work()
    except interruptions():
        raise
    except Exception as error:  # noqa: BLE001  each backend has its own; no traceback with values
        _Reported.report(error)
        return default


class _Reported:
    at = float("-inf")

    @classmethod
    def report(cls, error: Exception) -> None:
        now = time.monotonic()
        if now - cls.at >= REPORT_EVERY_SECONDS:
            cls.at = now
            logger.warning("The cache fails (%s).", type(error).__name__)
