"""Fills in the currencies that lists leave out: the order's, or the store's.

Lists of refunds and disputes name none (Source: P-23), and their newest page is read before the
orders. The ledger and payouts name none either; they are of the store's own balance.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from pandabase_django.models import Dispute, Order, Refund, Store
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.upsert import in_one_order
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["fill_from_order", "fill_from_orders", "fill_from_store", "fill_of_order"]


def fill_from_orders(context: RunContext) -> None:
    """Give the store's refunds and disputes the currency of orders that came after them."""
    if context.dry_run:
        return
    for model in (Refund, Dispute):
        if _lacking(context, model).exists():
            with context.writing():
                fill_from_order(context, model)


def fill_from_order(context: RunContext, model: type[Refund | Dispute]) -> None:
    """The same for one model, inside ``context.writing()``."""
    ids = list(in_one_order(_lacking(context, model)).values_list("pk", flat=True))
    if ids:
        model._default_manager.filter(Among(F("pk"), ids)).update(
            currency=Subquery(_order_of_row(context).values("currency")[:1])
        )


def fill_of_order(store: Store, order_id: str | None) -> None:
    """Give the refunds and disputes of one order its currency, outside of a run."""
    orders = Order.objects.filter(pk=order_id, store=store).exclude(currency="")
    currency = orders.values_list("currency", flat=True).first()
    if currency:
        for model in (Refund, Dispute):
            rows = model._default_manager.filter(order_id=order_id, store=store, currency="")
            rows.update(currency=currency)


def fill_from_store(context: RunContext, model: type[Any]) -> None:
    """Give rows that name no currency that of the store, inside ``context.writing()``."""
    lacking = model._default_manager.filter(store=context.store, currency="")
    if context.store.currency:
        lacking.update(currency=context.store.currency)


def _lacking(context: RunContext, model: type[Refund | Dispute]) -> QuerySet[Any]:
    orders = _order_of_row(context).exclude(currency="")
    return model._default_manager.filter(Exists(orders), store=context.store, currency="")


def _order_of_row(context: RunContext) -> QuerySet[Order]:
    return Order.objects.filter(pk=OuterRef("order_id"), store=context.store)
