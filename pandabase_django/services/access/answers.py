"""Loads what was bought, and has it judged: one user and product, or all pairs of many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from pandabase_django.models import CustomerLink, OrderItem, Product, Subscription
from pandabase_django.models.access.grants import SUBSCRIPTION_TYPE
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.access.rules import Access, Bought, Reason, Subscribed, judge

__all__ = ["AccessTable", "access", "has_access", "prefetch_access"]


def access(user: Any, product: Product, at: datetime | None = None) -> Access:
    """Whether a user may use a product, why, and until when. Two queries::

        found = access(request.user, product)
        if found.granted and found.until is not None:
            messages.info(request, f"{found.reason.label}, until {found.until:%d %B}")

    Args:
        user: The shop's user; somebody who is not signed in has no access.
        product: A row of the mirror.
        at: When, aware; None is now. Statuses are those of now: what is known of another time is
            only when something began, and when it ends.
    """
    return prefetch_access([user], [product], at=at).of(user, product)


def has_access(user: Any, product: Product, at: datetime | None = None) -> bool:
    """Whether a user may use a product now: ``access`` without the reason::

        if has_access(request.user, product):
            return render(request, "lesson.html")

    Args:
        user: The shop's user; somebody who is not signed in has no access.
        product: A row of the mirror.
        at: When, aware; None is now. See ``access``.
    """
    return access(user, product, at).granted


def prefetch_access(
    users: Any, products: Iterable[Product], *, at: datetime | None = None
) -> AccessTable:
    """What is needed to answer for each of these users and products, in two queries::

        table = prefetch_access(users, products)
        rows = [(user, table.of(user, product).granted) for user in users for product in products]

    Args:
        users: Users, or one of them.
        products: Products, maybe of several stores.
        at: When; None is now.
    """
    table = AccessTable(at or timezone.now(), {product.pk: product for product in products})
    # request.user is lazy, and such an object claims to be iterable.
    is_one = hasattr(users, "pk") or not isinstance(users, Iterable)
    many = [users] if is_one else users
    ids = {user.pk for user in many if _refusal(user) is None}
    table.user_ids.update(ids)
    if ids and table.products:
        for key, line in _lines(list(ids), table.products):
            table.bought[key].append(line)
        for key, subscription in _subscriptions(list(ids), table.products):
            table.subscribed[key].append(subscription)
    return table


@dataclass(slots=True)
class AccessTable:
    """What was loaded, to be asked as often as needed.

    Attributes:
        at: The time it answers for.
        products: Those it was loaded for, by id.
        user_ids: The users it was loaded for.
        bought: Lines by product, of all these users.
        subscribed: Subscriptions by product, likewise.
    """

    at: datetime
    products: dict[str, Product]
    user_ids: set[Any] = field(default_factory=set)
    bought: defaultdict[Any, list[Bought]] = field(default_factory=lambda: defaultdict(list))
    subscribed: defaultdict[Any, list[Subscribed]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def of(self, user: Any, product: Product) -> Access:
        """Whether this user may use this product. No query.

        Raises:
            LookupError: The table was not loaded for them: an answer would be a guess.
        """
        refusal = _refusal(user)
        if refusal is not None:
            return Access(False, refusal)
        if user.pk not in self.user_ids or product.pk not in self.products:
            raise LookupError("Access was not prefetched for this user and product.")
        key = (user.pk, product.pk)
        return judge(user.pk, bought=self.bought[key], subscribed=self.subscribed[key], at=self.at)


def _refusal(user: Any) -> Reason | None:
    """Why a user has access to nothing, whatever was bought."""
    if user is None or user.pk is None or not getattr(user, "is_authenticated", True):
        return Reason.NOT_SIGNED_IN
    return None if getattr(user, "is_active", True) else Reason.INACTIVE


def _lines(users: Sequence[Any], products: dict[str, Product]) -> Iterator[tuple[Any, Bought]]:
    """Lines with these products, by whom they may count for and the product."""
    columns = (
        "product_id",
        "store_id",
        "order__status",
        "order__gone_at",
        "order__created_at",
        "quantity",
        "order__purchases__session__items__0__subscription",
        "order__purchases__verdict",
        "order__purchases__standing",
        "order__purchases__session__user_id",
        "order__purchases__user_id",
        "order__purchases__session__had_user",
        "order__purchases__subscription_id",
    )
    rows = OrderItem.objects.live().filter(
        Among(F("product_id"), list(products)), order__isnull=False
    )
    found = _union(
        columns,
        _linked(rows, "order__customer__links__", users),
        _not_linked(rows.filter(order__purchases__user__in=users)),
        _not_linked(rows.filter(order__purchases__session__user__in=users)),
    )
    for (
        product_id,
        store_id,
        status,
        gone_at,
        created_at,
        quantity,
        is_subscription,
        verdict,
        standing,
        asked_by,
        user_id,
        had_user,
        subscription_id,
        linked_to,
    ) in found:
        product = products[product_id]
        if product.store_id != store_id:
            continue
        line = Bought(
            status=status,
            is_gone=gone_at is not None,
            created_at=created_at,
            quantity=quantity,
            is_recurring=bool(is_subscription)
            if verdict
            else product.product_type == SUBSCRIPTION_TYPE,
            verdict=verdict or "",
            standing=standing or "",
            asked_by=asked_by,
            user_id=user_id,
            linked_to=linked_to,
            had_user=bool(had_user),
            has_begun=subscription_id is not None,
        )
        for whose in {asked_by, user_id, linked_to} - {None}:
            yield (whose, product_id), line


def _subscriptions(
    users: Sequence[Any], products: dict[str, Product]
) -> Iterator[tuple[Any, Subscribed]]:
    columns = (
        "product_id",
        "store_id",
        "status",
        "gone_at",
        "created_at",
        "ends_at",
        "purchases__verdict",
        "purchases__standing",
        "purchases__user_id",
        "purchases__session__had_user",
    )
    rows = Subscription.objects.filter(Among(F("product_id"), list(products)))
    found = _union(
        columns,
        _linked(rows, "customer__links__", users),
        _not_linked(rows.filter(purchases__user__in=users)),
    )
    for (
        product_id,
        store_id,
        status,
        gone_at,
        created_at,
        ends_at,
        verdict,
        standing,
        user_id,
        had_user,
        linked_to,
    ) in found:
        if products[product_id].store_id != store_id:
            continue
        subscription = Subscribed(
            status=status,
            is_gone=gone_at is not None,
            created_at=created_at,
            ends_at=ends_at,
            verdict=verdict or "",
            standing=standing or "",
            user_id=user_id,
            linked_to=linked_to,
            had_user=bool(had_user),
        )
        for whose in {user_id, linked_to} - {None}:
            yield (whose, product_id), subscription


def _union(columns: Sequence[str], *parts: QuerySet[Any]) -> Iterable[tuple[Any, ...]]:
    """One statement, whose parts each start from what is a user's: an OR would read all lines."""
    first, *others = (part.order_by().values_list(*columns, "linked_to") for part in parts)
    # Django 6.1 would put the model's own order on the whole, by columns that are not in it.
    return first.union(*others, all=True).order_by()


def _linked(rows: QuerySet[Any], path: str, users: Sequence[Any]) -> QuerySet[Any]:
    links = {f"{path}user__in": users, f"{path}ended_at": None}
    found: QuerySet[Any] = rows.filter(**links).annotate(linked_to=F(f"{path}user_id"))
    return found


def _not_linked(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Where the purchase names its user, no link is asked for."""
    key: Any = CustomerLink._meta.get_field("user").target_field
    found: QuerySet[Any] = rows.annotate(linked_to=Cast(Value(None), output_field=key))
    return found
