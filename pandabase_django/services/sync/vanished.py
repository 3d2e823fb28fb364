"""Orders that the remote no longer has, though no operation deletes one (Source: P-22).

Nothing is taken for gone because one answer said so. An order becomes a tombstone when its own GET
answers 404 twice while another order's GET works, when the list does not show it where its time of
creation would place it, and only as far as the remote's total lacks orders that stand here. A
person is told in any case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import ObjectNotFound
from pandabase_django.models import Order, OrderItem
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.children import write_children
from pandabase_django.services.sync.listing import live_orders
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.sweep import SyncContext
from pandabase_django.services.sync.upsert import mark_gone

__all__ = ["bury_orders"]

NAMED_TO_PEOPLE = 5
PAGES_ASIDE = 3  # to either side of where an order is looked for


def bury_orders(context: SyncContext, missing: set[str]) -> None:
    """Turn orders into tombstones whose absence is proved.

    Args:
        context: The run.
        missing: Orders whose details answered 404 in this run.
    """
    # A refund or a webhook may name an order that is a tombstone already.
    buried = Order.objects.filter(Among(F("pk"), missing), gone_at__isnull=False)
    missing = missing - set(buried.values_list("pk", flat=True))
    buried.update(dirty=False)
    if not missing:
        return
    with context.recorder.step("orders: vanished ones"):
        gone = _proved(context, missing)
        if gone:
            _bury(context, gone)
    attend = context.recorder.attend
    if gone:
        attend(
            f"{len(gone)} orders vanished from the remote, such as {_some(gone)}. "
            "They stay here, marked as gone."
        )
    if doubtful := missing.difference(gone):
        attend(
            f"The remote does not find {len(doubtful)} orders that it counts, "
            f"such as {_some(doubtful)}."
        )


def _some(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids)[:NAMED_TO_PEOPLE])


def _bury(context: SyncContext, ids: list[str]) -> None:
    with context.writing() as now:
        context.recorder.add(mark_gone(Order, ids=ids, now=now))
        Order.objects.filter(Among(F("pk"), ids)).update(dirty=False)
        none = dict.fromkeys(ids, ())
        items = write_children(OrderItem, parent="order_id", listed=none, now=now)
        context.recorder.add(items)


def _proved(context: SyncContext, missing: set[str]) -> list[str]:
    orders, reader = context.client.orders, context.reader
    total = reader.one(lambda: orders.list(page=1, limit=1)).total
    live = live_orders(context)
    lacking = live.count() - total
    if lacking <= 0:
        return []
    control = (
        live.exclude(Among(F("pk"), missing)).order_by("-created_at").values_list("pk", flat=True)
    )
    witness = control.first()
    if witness is not None and not reader.one(lambda: _answers(context, witness)):
        return []
    answers = reader.each(lambda pk: _answers(context, pk), sorted(missing))
    gone = _unlisted(context, [pk for pk, found in answers if not found], total=total)
    # More than the total lacks: then something else is wrong, and nobody knows with which.
    return gone if len(gone) <= lacking else []


def _answers(context: SyncContext, pk: str) -> bool:
    try:
        context.client.orders.get(pk)
    except ObjectNotFound:
        return False
    return True


def _unlisted(context: SyncContext, ids: Collection[str], *, total: int) -> list[str]:
    """Those of these orders that the list surely does not show.

    An order that the list shows, and whose GET answers 404 all the same, would else stand in for
    one that vanished without being asked for: the total lacks one either way.
    """
    live = live_orders(context)
    rows = Order.objects.filter(Among(F("pk"), ids)).order_by("created_at", "pk")
    look = _Look(context, total=total)
    gone: list[str] = []
    older, counted_to = 0, None
    for pk, created_at in rows.values_list("pk", "created_at"):
        if created_at is None:
            continue  # it has no place
        since = live.filter(created_at__lt=created_at)
        older += (since.filter(created_at__gte=counted_to) if counted_to else since).count()
        counted_to = created_at
        # What is gone before it stands here, and not in the list.
        if look.misses(pk, created_at, near=(older - len(gone)) // PAGE_SIZE + 1):
            gone.append(pk)
    return gone


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The part of the list that one page shows, oldest first."""

    ids: frozenset[str]
    begins: datetime | None
    ends: datetime | None


@dataclass(slots=True)
class _Look:
    """Looks for orders in the list, each page of which is read once."""

    context: SyncContext
    total: int
    _read: dict[int, _Stretch | None] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))

    def misses(self, pk: str, created_at: datetime, *, near: int) -> bool:
        """Whether the list shows what was created before and after this order, and not it."""
        return self._misses(pk, created_at, near, -1) and self._misses(pk, created_at, near, +1)

    def _misses(self, pk: str, created_at: datetime, near: int, step: int) -> bool:
        """From page ``near`` on in one direction, until the list is past that time."""
        number = min(max(1, near), self.pages)
        for _ in range(1 + PAGES_ASIDE):
            stretch = self._stretch(number)
            if stretch is None or pk in stretch.ids:
                return False
            edge = stretch.begins if step < 0 else stretch.ends
            past = edge is not None and (edge < created_at if step < 0 else edge > created_at)
            if past or number == (1 if step < 0 else self.pages):
                return True
            number += step
        return False  # not found, and not proved either

    def _stretch(self, number: int) -> _Stretch | None:
        """None when the answer shows nothing of that page."""
        if number not in self._read:
            orders = self.context.client.orders.rows
            page = self.context.reader.one(
                lambda: orders.list(page=number, limit=PAGE_SIZE, sort="asc")
            )
            shows = bool(page.received) and page.page == number
            # A remote that counts no order has an empty page to show.
            believed = shows or not max(self.total, page.total)
            self._read[number] = _stretch_of(page) if believed else None
        return self._read[number]


def _stretch_of(page: Page[schemas.OrderRow]) -> _Stretch:
    times = [item.created_at for item in page.items if item.created_at]
    return _Stretch(
        ids=frozenset(item.id for item in page.items),
        begins=min(times, default=None),
        ends=max(times, default=None),
    )
