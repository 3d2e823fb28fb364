"""Orders that the remote no longer has, though no operation deletes one (Source: P-22).

Nothing is taken for gone because one answer said so. An order becomes a tombstone when its own GET
answers 404 twice while another order's GET works, and only as far as the remote's total lacks
orders that stand here. A person is told in any case.
"""

from __future__ import annotations

from django.db.models import F

from pandabase_django.exceptions import ObjectNotFound
from pandabase_django.models import Order, OrderItem
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.children import write_children
from pandabase_django.services.sync.listing import live_orders
from pandabase_django.services.sync.sweep import SyncContext
from pandabase_django.services.sync.upsert import mark_gone

__all__ = ["bury_orders"]

NAMED_TO_PEOPLE = 5


def bury_orders(context: SyncContext, missing: set[str]) -> int:
    """Turn orders into tombstones whose absence is proved.

    Args:
        context: The run.
        missing: Orders whose details answered 404 in this run.

    Returns:
        How many became tombstones.
    """
    # A refund or a webhook may name an order that is a tombstone already.
    buried = Order.objects.filter(Among(F("pk"), missing), gone_at__isnull=False)
    missing = missing - set(buried.values_list("pk", flat=True))
    buried.update(dirty=False)
    if not missing:
        return 0
    named = ", ".join(sorted(missing)[:NAMED_TO_PEOPLE])
    gone = _proved(context, missing)
    if not gone:
        context.recorder.attend(
            f"The remote does not find {len(missing)} orders that it counts, such as {named}."
        )
        return 0
    with context.recorder.step("orders: vanished ones"), context.writing() as now:
        context.recorder.add(mark_gone(Order, ids=gone, now=now))
        Order.objects.filter(Among(F("pk"), gone)).update(dirty=False)
        none = dict.fromkeys(gone, ())
        items = write_children(OrderItem, parent="order_id", listed=none, now=now)
        context.recorder.add(items)
        context.recorder.attend(
            f"{len(gone)} orders vanished from the remote, such as {named}. "
            "They stay here, marked as gone."
        )
    return len(gone)


def _proved(context: SyncContext, missing: set[str]) -> list[str]:
    orders, reader = context.client.orders, context.reader
    total = reader.one(lambda: orders.list(page=1, limit=1)).total
    live = live_orders(context)
    if live.count() - total < len(missing):
        return []
    control = (
        live.exclude(Among(F("pk"), missing)).order_by("-created_at").values_list("pk", flat=True)
    )
    witness = control.first()
    if witness is not None and not _answers(context, witness):
        return []
    answers = reader.each(lambda pk: _answers(context, pk), sorted(missing))
    again = [pk for pk, found in answers if not found]
    # One that answers now was missing for a moment; then none of them is to be believed.
    return again if len(again) == len(missing) else []


def _answers(context: SyncContext, pk: str) -> bool:
    try:
        context.client.orders.get(pk)
    except ObjectNotFound:
        return False
    return True
