"""What was sold in the last weeks, from the mirrored orders alone.

Bounded, so that a shop with half a million orders can look at it: a window of days that the index
of store and creation covers, and for products the newest orders of that window. It ends today, or
with the newest order when that is older than the window. The result is kept in the default cache
for a minute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from pandabase_django.models import Order, OrderItem, Product
from pandabase_django.services.caching import unless_cache_fails

__all__ = ["DAYS", "GROSS_STATUSES", "Day", "Figures", "TopProduct", "sales_figures"]

DAYS = 30
ORDERS_LOOKED_INTO = 2000  # for the top products
PRODUCTS_SHOWN = 5
KEPT_SECONDS = 60
# Money that came in, whatever became of it later (P-27).
GROSS_STATUSES = frozenset({"COMPLETED", "REFUNDED", "CHARGEBACK"})


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in the current time zone.

    Attributes:
        day: The day.
        orders: Orders made, whatever their status.
        gross_minor: Money that came in, in minor units of ``Figures.currency``.
    """

    day: date
    orders: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class TopProduct:
    """A product by the quantity sold; ``product_id`` may name a row that is not here."""

    product_id: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was sold.

    Attributes:
        days: Each day of the window, the oldest first, days without an order included.
        currency: The one most money came in; the days' amounts are of it alone.
        other_gross_minor: What came in in other currencies, in minor units by currency.
        by_status: Orders of the window by status, the most first.
        top: The products sold most.
        as_of: When this was counted.
    """

    days: tuple[Day, ...]
    currency: str
    other_gross_minor: dict[str, int]
    by_status: tuple[tuple[str, int], ...]
    top: tuple[TopProduct, ...]
    as_of: datetime

    @property
    def orders(self) -> int:
        """Orders of the whole window."""
        return sum(day.orders for day in self.days)

    @property
    def gross_minor(self) -> int:
        """Money of the whole window, in ``currency``."""
        return sum(day.gross_minor for day in self.days)


def sales_figures(store_ids: Sequence[str]) -> Figures:
    """The figures of these stores together; at most six queries, none when they are cached."""
    key = _key(store_ids)
    kept = unless_cache_fails(lambda: cache.get(key), None)
    if kept is not None:
        return _from_json(kept)
    figures = _count(store_ids, until=timezone.localdate())
    if not figures.orders:
        newest = _newest_order(store_ids)
        figures = _count(store_ids, until=newest) if newest else figures
    kept = _to_json(figures)
    unless_cache_fails(lambda: cache.set(key, kept, KEPT_SECONDS), None)
    return figures


def _newest_order(store_ids: Sequence[str]) -> date | None:
    orders = Order.objects.filter(store__in=store_ids, created_at__lte=timezone.now())
    newest = orders.order_by("-created_at", "-id").values_list("created_at", flat=True).first()
    return timezone.localdate(newest) if newest else None


def _count(store_ids: Sequence[str], *, until: date) -> Figures:
    first = until - timedelta(days=DAYS - 1)
    start, end = (
        timezone.make_aware(datetime.combine(day, time.min))
        for day in (first, until + timedelta(days=1))
    )
    window = Order.objects.filter(store__in=store_ids, created_at__gte=start, created_at__lt=end)
    counted = list(
        window.order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "status", "currency")
        .annotate(orders=Count("pk"), amount=Sum("amount_minor"))
    )
    orders: dict[date, int] = {}
    by_status: dict[str, int] = {}
    money: dict[str, dict[date, int]] = {}
    for day, status, currency, count, amount in counted:
        orders[day] = orders.get(day, 0) + count
        by_status[status] = by_status.get(status, 0) + count
        if status in GROSS_STATUSES and amount:
            of_currency = money.setdefault(currency, {})
            of_currency[day] = of_currency.get(day, 0) + amount
    totals = {currency: sum(days.values()) for currency, days in money.items()}
    currency = max(totals, key=lambda name: (totals[name], name), default="")
    gross = money.get(currency, {})
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return Figures(
        days=tuple(Day(day, orders.get(day, 0), gross.get(day, 0)) for day in days),
        currency=currency,
        other_gross_minor={name: total for name, total in totals.items() if name != currency},
        by_status=tuple(sorted(by_status.items(), key=lambda pair: (-pair[1], pair[0]))),
        top=_top(window) if counted else (),
        as_of=timezone.now(),
    )


def _top(window: Any) -> tuple[TopProduct, ...]:
    sold = window.filter(status__in=GROSS_STATUSES).order_by("-created_at", "-id")
    # As a list: with a subquery PostgreSQL prefers to read all line items there are.
    orders = list(sold.values_list("pk", flat=True)[:ORDERS_LOOKED_INTO])
    items = (
        OrderItem.objects.filter(
            order_id__in=orders, product_id__isnull=False, gone_at__isnull=True
        )
        .order_by()
        .values_list("store_id", "product_id")
        .annotate(sold=Sum("quantity"))
        .order_by("-sold", "product_id", "store_id")
    )
    sold_most = [(store, pk, quantity or 0) for store, pk, quantity in items[:PRODUCTS_SHOWN]]
    # Asked for by themselves: a product may be missing here, or be another store's.
    products = Product.objects.filter(pk__in=[pk for _store, pk, _quantity in sold_most])
    titles = {
        (store, pk): title for store, pk, title in products.values_list("store_id", "pk", "title")
    }
    return tuple(
        TopProduct(pk, titles.get((store, pk)) or pk, quantity) for store, pk, quantity in sold_most
    )


def _key(store_ids: Sequence[str]) -> str:
    what = json.dumps([sorted(store_ids), str(timezone.get_current_timezone())])
    return f"pandabase:figures:1:{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def _to_json(figures: Figures) -> str:
    return json.dumps(asdict(figures), default=lambda value: value.isoformat())


def _from_json(kept: str) -> Figures:
    found = json.loads(kept)
    return Figures(
        days=tuple(
            Day(date.fromisoformat(day["day"]), day["orders"], day["gross_minor"])
            for day in found["days"]
        ),
        currency=found["currency"],
        other_gross_minor=found["other_gross_minor"],
        by_status=tuple((status, count) for status, count in found["by_status"]),
        top=tuple(TopProduct(**product) for product in found["top"]),
        as_of=datetime.fromisoformat(found["as_of"]),
    )
