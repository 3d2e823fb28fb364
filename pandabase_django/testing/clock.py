"""Time travel: ``django.utils.timezone.now`` is ahead of the machine's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

from django.utils import timezone

__all__ = ["Clock"]


class Clock:
    """How far ahead it is. Only code that calls ``timezone.now()`` sees it."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, ``timezone.now()`` follows it."""
        machine = timezone.now

        def now() -> datetime:
            return machine() + self._ahead

        with mock.patch.object(timezone, "now", now):
            yield

    def pass_time(self, span: timedelta) -> None:
        """So much time passes at once.

        Raises:
            ValueError: Time does not go back.
        """
        if span < timedelta(0):
            raise ValueError("Time does not go back: rows would be older than what they follow.")
        self._ahead += span
