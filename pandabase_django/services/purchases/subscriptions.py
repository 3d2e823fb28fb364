"""Which subscription each purchase began: the remote names it nowhere (Source: P-48).

They belong together by store, customer, product and time: a subscription begins when its order is
paid. Looked for by whoever writes one of the two, and again once both are committed, since two
transactions at one moment do not see each other. What was found stays, whatever the plan is
changed to later on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import F

from pandabase_django.database import transaction
from pandabase_django.models import OrderItem, Purchase, Subscription
from pandabase_django.models.access.subscriptions import BEGINS_WITHIN
from pandabase_django.models.base.lookups import Among
from pandabase_django.models.orders import BELONGS

__all__ = ["Begun", "Paid", "find_subscriptions", "pairs_of"]

_CLOCKS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Paid:
    """A purchase of a subscription that is not known yet."""

    id: int
    customer_id: str
    created_at: datetime
    products: frozenset[str]


@dataclass(frozen=True, slots=True)
class Begun:
    """A subscription whose purchase is not known yet."""

    id: str
    customer_id: str
    created_at: datetime
    product_id: str


def pairs_of(purchases: Iterable[Paid], subscriptions: Iterable[Begun]) -> dict[int, str]:
    """Subscriptions by the purchases that began them, as far as that is clear.

    Those that are nearest in time belong together, each to one alone.

    Args:
        purchases: Of one store.
        subscriptions: Of the same store.
    """
    begun = list(subscriptions)
    near = sorted(
        (abs(apart), purchase.id, subscription.id)
        for purchase in purchases
        for subscription in begun
        if subscription.customer_id == purchase.customer_id
        and subscription.product_id in purchase.products
        and -_CLOCKS <= (apart := subscription.created_at - purchase.created_at) <= BEGINS_WITHIN
    )
    pairs: dict[int, str] = {}
    taken: set[str] = set()
    for _, purchase_id, subscription_id in near:
        if purchase_id not in pairs and subscription_id not in taken:
            pairs[purchase_id] = subscription_id
            taken.add(subscription_id)
    return pairs


def find_subscriptions(store_id: str, *, customers: Collection[str] | None = None) -> None:
    """Note with purchases which subscription they began.

    Args:
        store_id: Whose.
        customers: Ids of the customers that something new is known of; None: of all.
    """
    purchases = Purchase.objects.filter(
        store=store_id,
        verdict__in=BELONGS,
        subscription=None,
        session__items__0__subscription=True,  # never beside other items (Source: P-45)
        order__customer__isnull=False,
        order__created_at__isnull=False,
    )
    if customers is not None:
        purchases = purchases.filter(Among(F("order__customer_id"), customers))
    found = list(purchases.values_list("pk", "order", "order__customer_id", "order__created_at"))
    if not found:
        return
    products: dict[str, set[str]] = {}
    lines = OrderItem.objects.live().filter(order__in=[order for _, order, *_ in found])
    for order, product in lines.values_list("order_id", "product_id"):
        products.setdefault(order, set()).add(product)
    paid = [
        Paid(pk, customer, created_at, frozenset(products.get(order, ())))
        for pk, order, customer, created_at in found
        if created_at is not None
    ]
    subscriptions = Subscription.objects.filter(
        Among(F("customer_id"), sorted({purchase.customer_id for purchase in paid})),
        store=store_id,
        purchases=None,
        product__isnull=False,
        created_at__isnull=False,
    )
    columns = ("pk", "customer_id", "created_at", "product_id")
    begun = [Begun(*row) for row in subscriptions.values_list(*columns)]
    for purchase_id, subscription_id in sorted(pairs_of(paid, begun).items()):
        _note(purchase_id, subscription_id)


def _note(purchase_id: int, subscription_id: str) -> None:
    rows = Purchase.objects.filter(pk=purchase_id, subscription=None)
    try:
        with transaction.atomic():
            rows.update(subscription=subscription_id)
    except IntegrityError:
        return  # somebody found another purchase for it meanwhile
