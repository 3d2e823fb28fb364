"""A worker's right to a row for a limited time: a killed one's rows come back by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error as AnyDatabaseError
from django.db import connections
from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.observing.logs import get_logger
from pandabase_django.services.attempts.waiting import LOST_AFTER

__all__ = ["Renewal", "claim"]

logger = get_logger(__name__)

CLAIM = timedelta(minutes=1)  # renewed while it lasts, so that only a dead worker's runs out
RENEWED_AFTER_SECONDS = 15.0
# A renewal that is under way is waited for: it must not come after the end of the attempt.
LAST_RENEWAL_SECONDS = 2.0


def claim(due: QuerySet[Any]) -> bool:
    """Claim one row that is due; False when another worker was first."""
    now = timezone.now()
    return bool(
        due.update(
            attempts=F("attempts") + 1,
            next_attempt_at=now + CLAIM,
            # Its message is used up, so that the sweeper takes it when the claim runs out. None
            # would say that nobody works on it.
            enqueued_at=now - LOST_AFTER,
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
        for row in list(self._rows):
            # One that another worker has taken over stays its own.
            type(row).objects.filter(pk=row.pk, state="PENDING", attempts=row.attempts).update(
                next_attempt_at=timezone.now() + CLAIM
            )

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Renew while the block runs, however long that takes: it is the shop's code.

        By a thread with a connection of its own, since a transaction may be open here. It asks the
        database nothing before the first renewal is due. Do not use it inside of a transaction.
        """
        over = threading.Event()
        # In this context: what it logs is about the same store.
        work = partial(copy_context().run, self._renew_until, over)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(LAST_RENEWAL_SECONDS)

    def leave(self, row: Any) -> None:
        """It is done, or waits for its next attempt."""
        self._rows.remove(row)

    def _renew_until(self, over: threading.Event) -> None:
        try:
            while not over.wait(RENEWED_AFTER_SECONDS):
                try:
                    self()
                except AnyDatabaseError as error:
                    # On SQLite the handler's transaction is the only writer: nobody else claims.
                    logger.info("A claim was not renewed: %s", type(error).__name__)
        finally:
            connections.close_all()  # this thread's own
