"""A worker's right to a row for a limited time: a killed one's rows come back by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

__all__ = ["Renewal", "claim"]

CLAIM = timedelta(minutes=1)  # renewed while it lasts, so that only a dead worker's runs out
RENEWED_AFTER_SECONDS = 15.0


def claim(due: QuerySet[Any]) -> bool:
    """Claim one row that is due; False when another worker was first."""
    return bool(
        due.update(
            attempts=F("attempts") + 1,
            next_attempt_at=timezone.now() + CLAIM,
            enqueued_at=None,  # when the claim runs out, the next sweep takes it
        )
    )


class Renewal:
    """Keeps the claims of rows while their worker lives; called as often as one likes."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = list(rows)
        self._renewed_at = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._renewed_at < RENEWED_AFTER_SECONDS:
            return
        self._renewed_at = time.monotonic()
        for row in self._rows:
            # One that another worker has taken over stays its own.
            type(row).objects.filter(pk=row.pk, state="PENDING", attempts=row.attempts).update(
                next_attempt_at=timezone.now() + CLAIM
            )

    def leave(self, row: Any) -> None:
        """It is done, or waits for its next attempt."""
        self._rows.remove(row)
