"""How long a request may take, and how often it is tried."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["RETRIES", "RequestPolicy", "Timeouts"]

RETRIES = 4  # further tries of a request that may be repeated


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, of silence while reading, and in all for one request.

    ``connect_seconds`` is for each address that a name has, so a name of many takes longer.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    most_seconds: float = math.inf

    @property
    def total_seconds(self) -> float:
        """From the beginning to the last byte of the answer, however it drips in."""
        return min(self.connect_seconds + 2 * self.read_seconds, self.most_seconds)

    def within(self, seconds: float) -> Timeouts:
        """The same, and nothing of it longer than these seconds."""
        return Timeouts(
            connect_seconds=min(self.connect_seconds, seconds),
            read_seconds=min(self.read_seconds, seconds),
            most_seconds=seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPolicy:
    """How long, and how often, one request is tried.

    Attributes:
        timeouts: Of each try.
        retries: Further tries of a request that may be repeated.
        max_wait_seconds: Longest sleep for a rate limit; a longer one is a RateLimited at once.
    """

    timeouts: Timeouts = Timeouts()
    retries: int = RETRIES
    max_wait_seconds: float = 65.0
