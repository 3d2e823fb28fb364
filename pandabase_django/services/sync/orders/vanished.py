"""Orders that the remote no longer has, though no operation deletes one (Source: P-22).

One answer proves nothing. An order is marked as gone when its own GET answers 404 twice while
another order's GET works, when the list does not show it where its time of creation would place it,
and only as far as the remote's total lacks orders that are here. One that came here a moment ago
waits: a replica that lags gives all these proofs. A person is asked to look in any case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial

from django.db.models import F

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.models import Order, OrderItem
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.children import write_children
from pandabase_django.services.sync.mirror.upsert import mark_gone
from pandabase_django.services.sync.orders.pages import live_orders
from pandabase_django.services.sync.readings.sweep import WITNESSES
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import exists, while_it_is_well
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["mark_vanished"]

NAMED_TO_PEOPLE = 5
PAGES_ASIDE = 3  # to either side of where an order is looked for


def mark_vanished(context: RunContext, missing: Collection[str]) -> None:
    """Mark orders as gone whose absence is proved.

    Args:
        context: The run.
        missing: Orders whose details answered 404 in this run.
    """
    # A refund or a webhook may name an order that is a tombstone already.
    orders = Order.objects.filter(store=context.store)
    marked = orders.filter(Among(F("pk"), missing), gone_at__isnull=False)
    missing = set(missing).difference(marked.values_list("pk", flat=True))
    marked.update(dirty=False)
    if not missing:
        return
    with context.recorder.step("orders: vanished ones"):
        gone = _mark(context, _proved(context, missing))
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


def _mark(context: RunContext, ids: list[str]) -> list[str]:
    """Returns those that were marked: what is too new stays due, and is asked for again."""
    if not ids:
        return []
    with context.writing() as now:
        store_id = context.store.pk
        outcome = mark_gone(Order, ids=ids, store_id=store_id, now=now)
        context.recorder.add(outcome)
        marked = [pk for _, pk in outcome.gone_rows]
        Order.objects.filter(Among(F("pk"), marked), store_id=store_id).update(dirty=False)
        items = write_children(
            OrderItem,
            parent="order_id",
            listed=dict.fromkeys(marked, ()),
            store_id=store_id,
            now=now,
            parents_are_gone=True,
        )
        context.recorder.add(items)
    return marked


def _proved(context: RunContext, missing: set[str]) -> list[str]:
    orders, reader = context.client.orders, context.reader
    page = reader.one(lambda: orders.list(page=1, limit=1))
    live = live_orders(context)
    lacking = live.count() - page.total
    if lacking <= 0:
        return []
    control = (
        live.exclude(Among(F("pk"), missing)).order_by("-created_at").values_list("pk", flat=True)
    )
    witnesses = list(control[:WITNESSES])
    # More than one, since the first may be the only one that can't be read.
    # Without one, all orders seem gone: then the list has to be empty.
    if (witnesses or page.total or page.received) and not any(
        reader.one(partial(exists, orders.get, pk)) is True for pk in witnesses
    ):
        return []
    answers = while_it_is_well(
        reader.each(partial(exists, orders.get), sorted(missing)),
        control=lambda: reader.aside(lambda: orders.list(page=1, limit=1)),
    )
    gone = _unlisted(context, [pk for pk, found in answers if found is False], total=page.total)
    # More than the total lacks: then something else is wrong, and nobody knows with which.
    return gone if len(gone) <= lacking else []


def _unlisted(context: RunContext, ids: Collection[str], *, total: int) -> list[str]:
    """Those of these orders that the list surely does not show.

    An order that the list shows, and whose GET answers 404 all the same, would else stand in for
    one that vanished without being asked for: the total lacks one either way.
    """
    live = live_orders(context)
    rows = live.filter(Among(F("pk"), ids)).order_by("created_at", "pk")
    look = _Look(context, total=total)
    gone: list[str] = []
    older, counted_to = 0, None
    for pk, created_at in rows.values_list("pk", "created_at"):
        if created_at is None:
            continue  # it has no place
        since = live.filter(created_at__lt=created_at)
        older += (since.filter(created_at__gte=counted_to) if counted_to else since).count()
        counted_to = created_at
        # What is gone before it is here, and not in the list.
        if look.misses(pk, created_at, near=(older - len(gone)) // look.page_size + 1):
            gone.append(pk)
    return gone


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The part of the list that one page shows, oldest first."""

    ids: frozenset[str]
    begins: datetime | None
    ends: datetime | None


@dataclass
class _Look:
    """Looks for orders in the list, each page of which is read once."""

    context: RunContext
    total: int
    _read: dict[int, _Stretch | None] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        return max(1, self._first.total_pages)

    @property
    def page_size(self) -> int:
        """How many rows a page holds: perhaps fewer than were asked for."""
        first = self._first
        return first.received if first.received and first.total_pages > 1 else PAGE_SIZE

    @cached_property
    def _first(self) -> Page[schemas.OrderRow]:
        return self._ask(1)

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
            page = self._first if number == 1 else self._ask(number)
            shows = bool(page.received) and page.page == number
            # A remote that counts no order has an empty page to show.
            believed = shows or not max(self.total, page.total)
            self._read[number] = _stretch_of(page) if believed else None
        return self._read[number]

    def _ask(self, number: int) -> Page[schemas.OrderRow]:
        orders = self.context.client.orders.rows
        return self.context.reader.one(
            lambda: orders.list(page=number, limit=PAGE_SIZE, sort="asc")
        )


def _stretch_of(page: Page[schemas.OrderRow]) -> _Stretch:
    times = [item.created_at for item in page.items if item.created_at]
    return _Stretch(
        ids=frozenset(item.id for item in page.items),
        begins=min(times, default=None),
        ends=max(times, default=None),
    )
