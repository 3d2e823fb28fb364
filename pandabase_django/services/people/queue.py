"""Erasures that a worker is to carry out, and how it learns of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.models import Erasure, Store
from pandabase_django.services.attempts.waiting import take_due
from pandabase_django.services.people.erasing import recorded

__all__ = [
    "SOON",
    "ask_for_erasure",
    "due_erasures",
    "enqueue_by",
    "mark_not_enqueued",
    "store_of",
]

# A worker that has an erasure renews its claim for much longer; who failed waits less, at first.
SOON = timedelta(minutes=2)

_enqueue: list[Callable[[int], Any]] = []


def enqueue_by(enqueue: Callable[[int], Any]) -> None:
    """Name what hands an erasure to a worker. The tasks do it here: this room knows no Celery."""
    _enqueue[:] = [enqueue]


def ask_for_erasure(
    store: Store, address: str, *, source: Erasure.Source, user: Any = None
) -> Erasure:
    """Have a worker erase a person from a store, once what was written is committed.

    Args:
        store: The store.
        address: The person's e-mail address: sealed, and gone when the erasure is done.
        source: What started it.
        user: Who did.

    Returns:
        The record; of the erasure that is under way already, if there is one.

    Raises:
        ValueError: That is no e-mail address.
        SealError: There is no encryption key, or it does not open what is stored.
    """
    with transaction.atomic():
        erasure = recorded(store, address, source=source, user=user)
        if erasure.enqueued_at is None and _enqueue:
            Erasure.objects.filter(pk=erasure.pk).update(enqueued_at=timezone.now())
        for hand_over in _enqueue:
            transaction.on_commit(partial(hand_over, erasure.pk), robust=True)
    return erasure


def due_erasures(*, now: datetime | None = None) -> list[int]:
    """Erasures that nobody carries out, oldest first; notes that they are enqueued."""
    return take_due(
        Erasure.objects.all(), now=now, waits=Q(finished_at=None, address__isnull=False)
    )


def mark_not_enqueued(erasure_id: int) -> None:
    """The broker failed: let the sweeper take this erasure."""
    Erasure.objects.filter(pk=erasure_id).update(enqueued_at=None)


def store_of(erasure_id: int) -> str:
    """Whose customer is to be erased; "" when there is no such erasure."""
    stores = Erasure.objects.filter(pk=erasure_id).values_list("store_id", flat=True)
    return stores.first() or ""
