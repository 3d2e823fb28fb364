"""Refunds and disputes, whose lists show late changes of orders; and the ledger in their place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.models import Dispute, Order, Refund
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.due.causes import Cause
from pandabase_django.services.sync.due.marks import mark_dirty
from pandabase_django.services.sync.mirror.resource import ChangedItem, Due, Resource, Schedule
from pandabase_django.services.sync.money.currency import fill_from_order
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["DISPUTES", "REFUNDS", "WATCHED_LEDGER", "mark_orders_due"]

# New orders bring payments and are found by their own list.
LEDGER_NOISE = frozenset({"OPENING_BALANCE", "PAYMENT_RECEIVED", "PAYOUT"})


# What webhooks call what an entry reports: a refund or dispute by its status, an entry of
# the ledger by its type. Of the others only the time is known. Source: P-26, P-28.
_EVENTS: Mapping[type[Any], Mapping[str, str]] = {
    schemas.Refund: {"COMPLETED": "PAYMENT_REFUNDED", "SUCCESSFUL": "PAYMENT_REFUNDED"},
    schemas.Dispute: {
        "AWAITING_REVIEW": "PAYMENT_DISPUTED",
        "UNDER_REVIEW": "PAYMENT_DISPUTED",
        "WON": "PAYMENT_DISPUTE_WON",
        "LOST": "PAYMENT_DISPUTE_LOST",
        "PREVENTED": "PAYMENT_DISPUTE_PREVENTED",
    },
    schemas.LedgerEntry: {
        "REFUND_INSTANT": "PAYMENT_REFUNDED",
        "REFUND_ASYNC": "PAYMENT_REFUNDED",
        "REFUND_EXTERNAL": "PAYMENT_REFUNDED",
        "DISPUTE_CREATED": "PAYMENT_DISPUTED",
        "DISPUTE_WON": "PAYMENT_DISPUTE_WON",
    },
}
# Statuses that an entry may have from the first moment on: its creation is when that happened.
_OF_CREATION = ("AWAITING_REVIEW", "COMPLETED", "PROCESSING", "SUCCESSFUL")


def mark_orders_due(context: RunContext, due: Due, *_: object) -> None:
    """Ask for the details of these orders of the store, as far as they are here."""
    if not due:
        return
    orders = Order.objects.filter(Among(F("pk"), due), store=context.store)
    if context.dry_run:
        found = orders.values_list("pk", flat=True)
        context.recorder.run.rows_updated += len(context.note(found))
        return
    now, last_look = timezone.now(), context.cursor.last_completed_at
    causes: dict[str, Cause] = {}
    for pk, changed in due.items():
        causes[pk] = Cause(seen_at=now, unseen_at=last_look)
        for one in changed:
            cause = _cause(one, now=now, last_look=last_look)
            if cause.outweighs(causes[pk]):
                causes[pk] = cause
    mark_dirty(orders, causes=causes)


def _mark_orders_of_payments(context: RunContext, due: Due, *_: object) -> None:
    orders = Order.objects.filter(store=context.store)
    found = dict(due)  # some name the order itself
    by_payment = orders.filter(Among(F("payment_id"), due)).values_list("pk", "payment_id")
    for pk, reference in by_payment:
        found[pk] = [*found.get(pk, ()), *due[reference]]
    mark_orders_due(context, found)


def _cause(changed: ChangedItem, *, now: datetime, last_look: datetime | None) -> Cause:
    """What an entry says of its order.

    Args:
        changed: A refund, a dispute, or an entry of the ledger.
        now: The time.
        last_look: When the lists were last looked at before.
    """
    item = changed.item
    if isinstance(item, schemas.LedgerEntry):
        event = _EVENTS[schemas.LedgerEntry].get(item.type or "", "")
        return Cause(seen_at=now, since=item.created_at, event=event, event_at=item.created_at)
    created = not changed.known and item.status in _OF_CREATION
    return Cause(
        seen_at=now,
        since=item.updated_at or item.created_at,
        event=_EVENTS[type(item)].get(item.status or "", ""),
        event_at=item.updated_at or (item.created_at if created else None),
        order=item.order,
        unseen_at=last_look,
    )


def _order_of(item: schemas.Refund | schemas.Dispute) -> str:
    return item.order_id or ""


def _reference_of(entry: schemas.LedgerEntry) -> str:
    return "" if entry.type in LEDGER_NOISE else entry.reference_id or ""


_FROM_THE_ORDER = frozenset({"currency"})

REFUNDS: Resource[Any] = Resource(
    name="refunds",
    model=Refund,
    keep=_FROM_THE_ORDER,
    schedule=Schedule.BY_NAME,  # each run of orders reads it
    listing=lambda client: client.refunds.listing,
    permission="REFUNDS_READ",
    # What may still come to another end, by the remote's own filters (P-23, P-28).
    readings=[Newest(open_statuses=("PROCESSING",))],
    write_more=lambda context, items, changes, now: fill_from_order(context, Refund),
    belongs_to=_order_of,
    makes_due=mark_orders_due,
)
DISPUTES: Resource[Any] = Resource(
    name="disputes",
    model=Dispute,
    keep=_FROM_THE_ORDER,
    schedule=Schedule.BY_NAME,  # each run of orders reads it
    listing=lambda client: client.disputes.listing,
    permission="DISPUTES_READ",
    readings=[Newest(open_statuses=("AWAITING_REVIEW", "UNDER_REVIEW"))],
    write_more=lambda context, items, changes, now: fill_from_order(context, Dispute),
    belongs_to=_order_of,
    makes_due=mark_orders_due,
)
# Not the ledger's own rows: they are of runs of its own, and no order is due for them there.
WATCHED_LEDGER: Resource[Any] = Resource(
    name="ledger",
    step_of="orders",
    listing=lambda client: client.ledger.listing,
    permission="PAYOUTS_READ",
    readings=[Newest(query={})],  # it can't be sorted
    belongs_to=_reference_of,
    makes_due=_mark_orders_of_payments,
)
