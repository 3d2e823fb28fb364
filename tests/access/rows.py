"""Rows as a sync would write them, in one line each."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from django.utils import timezone

from pandabase_django.models import (
    CheckoutSession,
    Customer,
    CustomerLink,
    Order,
    OrderItem,
    Product,
    Purchase,
    Store,
    Subscription,
)

__all__ = ["buy", "customer", "link", "mirror", "product", "subscribe"]

_numbers = itertools.count(1)


def mirror(model: Any, store: Store, pk: str = "", **columns: Any) -> Any:
    now = timezone.now()
    pk = pk or f"{model.__name__.lower()}_{next(_numbers)}"
    return model.objects.create(pk=pk, store=store, first_seen_at=now, synced_at=now, **columns)


def product(store: Store, pk: str = "", **columns: Any) -> Product:
    found: Product = mirror(Product, store, pk, **columns)
    return found


def customer(store: Store, **columns: Any) -> Customer:
    found: Customer = mirror(Customer, store, **columns)
    return found


def buy(
    sold: Product,
    *,
    user: Any = None,
    by: Customer | None = None,
    verdict: str = "",
    standing: str = "",
    status: str = "COMPLETED",
    recurring: bool = False,
    quantity: int | None = 1,
    created_at: datetime | None = None,
    gone_at: datetime | None = None,
) -> Order:
    """An order with one line; with a verdict it names a session that was opened for the user."""
    columns = {"created_at": created_at, "customer": by, "gone_at": gone_at}
    order: Order = mirror(Order, sold.store, status=status, **columns)
    mirror(OrderItem, sold.store, order=order, product=sold, quantity=quantity)
    if verdict:
        item = {"product_id": sold.pk, "quantity": quantity, "subscription": recurring}
        session = CheckoutSession.objects.create(
            store=sold.store, user=user, had_user=user is not None, items=[item]
        )
        belongs = verdict in ("MATCHED", "ACCEPTED")
        Purchase.objects.create(
            store=sold.store,
            order=order,
            session=session,
            user=user if belongs else None,
            verdict=verdict,
            standing=standing,
        )
    return order


def subscribe(
    sold: Product, *, by: Customer | None = None, begun_by: Order | None = None, **columns: Any
) -> Subscription:
    found: Subscription = mirror(Subscription, sold.store, product=sold, customer=by, **columns)
    if begun_by is not None:
        Purchase.objects.filter(order=begun_by).update(subscription=found)
    return found


def link(user: Any, who: Customer, **columns: Any) -> CustomerLink:
    return CustomerLink.objects.create(store=who.store, customer=who, user=user, **columns)
