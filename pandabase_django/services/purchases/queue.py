"""Which purchases have handlers that wait to be called, and how a worker learns of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F, Max
from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.events import fact_handlers
from pandabase_django.models import Purchase, PurchaseFact
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.attempts.waiting import put_back, take_due

__all__ = [
    "due_purchases",
    "enqueue_by",
    "mark_not_enqueued",
    "replay",
    "standing_changed",
    "uncalled",
]

State = Purchase.State

_enqueue: list[Callable[[int], Any]] = []


def enqueue_by(enqueue: Callable[[int], Any]) -> None:
    """Name what hands a purchase to a worker. The tasks do it here: this room knows no Celery.

    In a process that has not loaded them the sweeper enqueues, within a minute.
    """
    _enqueue[:] = [enqueue]


def standing_changed(purchase: Purchase, standing: str) -> None:
    """Have handlers called for what became of an order; inside the transaction that wrote it.

    A purchase that is not saved yet is saved by this.

    A worker that is at it, or a retry that is hours away, is not waited for: what handlers are to
    be called for has changed.
    """
    now = timezone.now()
    columns: dict[str, Any] = {
        "standing": standing,
        "state": State.PENDING,
        "attempts": 0,
        "next_attempt_at": now,
        "enqueued_at": now if _enqueue else None,
        "finished_at": None,
        "last_error": "",
    }
    for name, value in columns.items():
        setattr(purchase, name, value)
    if purchase.pk is None:
        purchase.mark = 1
        purchase.save()
    else:
        Purchase.objects.filter(pk=purchase.pk).update(mark=F("mark") + 1, **columns)
    for hand_over in _enqueue:
        transaction.on_commit(partial(hand_over, purchase.pk), robust=True)


def due_purchases(*, now: datetime | None = None) -> list[int]:
    """Ids of purchases that nobody works on though they are due; notes that they are enqueued."""
    return take_due(Purchase.objects.all(), now=now)


def mark_not_enqueued(purchase_id: int) -> None:
    """The broker failed: let the sweeper take this purchase."""
    Purchase.objects.filter(pk=purchase_id, state=State.PENDING).update(enqueued_at=None)


def replay(purchase_ids: Iterable[int]) -> list[int]:
    """Put purchases back to have their handlers called; returns the ids to enqueue.

    Handlers that are through with a fact are not called again. Where all was done, the last fact is
    gone through once more: for handlers that were added since.
    """
    ids = list(purchase_ids)
    idle = Purchase.objects.filter(Among(F("pk"), ids), state=State.IDLE)
    newest = idle.annotate(newest=Max("facts__pk")).values_list("newest", flat=True)
    done = PurchaseFact.objects.filter(
        Among(F("pk"), [pk for pk in newest if pk]), state=PurchaseFact.State.DONE
    )
    with transaction.atomic():
        # As a worker: the fact first.
        done.update(state=PurchaseFact.State.OPEN)
        return put_back(Purchase.objects.all(), ids)


def uncalled(purchase: Purchase) -> bool:
    """Whether ``replay`` would call a handler for a fact that all others are through with."""
    newest = max(purchase.facts.all(), key=lambda fact: fact.number, default=None)
    if purchase.state != State.IDLE or newest is None or newest.state != PurchaseFact.State.DONE:
        return False
    handled = {each.handler for each in newest.handled.all()}
    return bool(fact_handlers(newest.fact, purchase.purpose).keys() - handled)
