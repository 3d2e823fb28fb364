"""Which subscription each purchase began: the remote names it nowhere (Source: P-48).

They belong together by store, customer, product and time: a subscription begins when its order is
paid. Looked for by whoever writes one of the two, and again once both are committed, since two
transactions at one moment do not see each other. Rows come in any order, so that each new one has
its neighbours put together anew; a subscription whose plan was changed stays where it was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
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
_AT_ONCE = timedelta(seconds=10)  # two clocks of one remote
# Of a reseller's hundreds, what was found stays: each pair of two would be looked at.
_CROWD = 50


@dataclass(frozen=True, slots=True)
class Paid:
    """A purchase of a subscription.

    Attributes:
        id: Of the purchase.
        customer_id: The order's customer.
        status: The order's.
        created_at: The order's: it may be paid much later.
        updated_at: The order's, if known. Of one that is COMPLETED it is when it was paid, unless
            something else was noted at it since.
        products: What the order has lines of.
    """

    id: int
    customer_id: str
    status: str
    created_at: datetime
    updated_at: datetime | None
    products: frozenset[str]


@dataclass(frozen=True, slots=True)
class Begun:
    """A subscription."""

    id: str
    customer_id: str
    status: str
    created_at: datetime
    product_id: str


def pairs_of(purchases: Iterable[Paid], subscriptions: Iterable[Begun]) -> dict[int, str]:
    """Subscriptions by the purchases that began them, as far as that is clear.

    Those that are nearest in time belong together, each to one alone.

    Args:
        purchases: Of one store.
        subscriptions: Of the same store.
    """
    begun: dict[tuple[str, str], list[Begun]] = {}
    for subscription in subscriptions:
        key = (subscription.customer_id, subscription.product_id)
        begun.setdefault(key, []).append(subscription)
    near = sorted(
        (*_distance(purchase, subscription), purchase.id, subscription.id)
        for purchase in purchases
        for product in purchase.products
        for subscription in begun.get((purchase.customer_id, product), ())
        if -_CLOCKS <= subscription.created_at - purchase.created_at <= BEGINS_WITHIN
    )
    pairs: dict[int, str] = {}
    taken: set[str] = set()
    for *_, purchase_id, subscription_id in near:
        if purchase_id not in pairs and subscription_id not in taken:
            pairs[purchase_id] = subscription_id
            taken.add(subscription_id)
    return pairs


def _distance(purchase: Paid, subscription: Begun) -> tuple[bool, int, timedelta]:
    """How little they seem to belong together."""
    before = purchase.created_at - subscription.created_at > _AT_ONCE
    # A refund ends the subscription too (Source: P-46).
    refunded, ended = purchase.status == "REFUNDED", subscription.status == "CANCELLED"
    against = 1 if not refunded else 0 if ended else 2
    apart = abs(subscription.created_at - purchase.created_at)
    if purchase.status == "COMPLETED" and purchase.updated_at is not None:
        apart = min(apart, abs(subscription.created_at - purchase.updated_at))
    return before, against, apart


def find_subscriptions(store_id: str, *, customers: Collection[str]) -> None:
    """Note with purchases which subscription they began.

    Args:
        store_id: Whose.
        customers: Ids of the customers that something new is known of.
    """
    purchases = Purchase.objects.filter(
        Among(F("order__customer_id"), customers),
        store=store_id,
        verdict__in=BELONGS,
        session__items__0__subscription=True,  # never beside other items (Source: P-45)
    )
    columns = ("pk", "order__customer_id", "order__status", "order__created_at")
    found = list(purchases.values_list(*columns, "order__updated_at", "order", "subscription"))
    if not found:
        return
    subscriptions = Subscription.objects.filter(
        Among(F("customer_id"), sorted({customer for _, customer, *_ in found})),
        store=store_id,
        product__isnull=False,
    )
    of_begun = subscriptions.values_list("pk", "customer_id", "status", "created_at", "product_id")
    begun = {
        pk: Begun(pk, customer, status, created_at, product)
        for pk, customer, status, created_at, product in of_begun
        if created_at is not None
    }
    noted = {pk: subscription for pk, *_, subscription in found}
    if None not in noted.values() and not begun.keys() - noted.values():
        return
    products: dict[str, set[str]] = {}
    lines = OrderItem.objects.live().filter(order__in=[order for *_, order, _ in found])
    for order, product in lines.values_list("order_id", "product_id"):
        products.setdefault(order, set()).add(product)
    paid = [
        Paid(pk, customer, status, created_at, updated_at, frozenset(products.get(order, ())))
        for pk, customer, status, created_at, updated_at, order, _ in found
        if created_at is not None
    ]
    settled = _settled(paid, begun, noted)
    pairs = pairs_of(
        [one for one in paid if one.id not in settled],
        [one for one in begun.values() if one.id not in settled.values()],
    )
    changed = {
        one.id: pairs.get(one.id)
        for one in paid
        if one.id not in settled and pairs.get(one.id) != noted[one.id]
    }
    if changed:
        _note(changed, noted)


def _settled(
    paid: Iterable[Paid], begun: Mapping[str, Begun], noted: Mapping[int, str | None]
) -> dict[int, str]:
    """What was found and stays: plans that were changed since, and rows that are too many."""
    crowds = Counter((one.customer_id, one.product_id) for one in begun.values())
    settled = {}
    for purchase in paid:
        pk = noted[purchase.id]
        if pk is None:
            continue
        subscription = begun.get(pk)
        if (
            subscription is None
            or subscription.product_id not in purchase.products
            or crowds[subscription.customer_id, subscription.product_id] > _CROWD
        ):
            settled[purchase.id] = pk
    return settled


def _note(changed: Mapping[int, str | None], noted: Mapping[int, str | None]) -> None:
    """Write what was found, unless somebody else has found something meanwhile."""
    rows = Purchase.objects.filter(pk__in=list(changed))
    try:
        with transaction.atomic():
            locked = rows.select_for_update(no_key=True).order_by("pk")
            if any(noted[pk] != now for pk, now in locked.values_list("pk", "subscription")):
                return
            # Two may change places, and each belongs to one alone at every moment.
            rows.filter(subscription__isnull=False).update(subscription=None)
            for purchase_id, subscription_id in sorted(changed.items()):
                if subscription_id is not None:
                    Purchase.objects.filter(pk=purchase_id).update(subscription=subscription_id)
    except IntegrityError:
        return  # somebody found another purchase for it meanwhile
