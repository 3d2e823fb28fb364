"""Compares what stands here with the remote, and writes nothing: no row, no run, no cursor.

Counts cost a few requests and prove little: they can agree while rows differ. The full comparison
reads every row of the lists and tells which differ and why. Line items and addresses are not in
the list of orders (Source: P-21); an order whose details are due is named as such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from pandabase_django.api.resources import Lists
from pandabase_django.conf import conf
from pandabase_django.exceptions import MissingPermission, ObjectNotFound
from pandabase_django.models import Category, MirrorRow, Order, Product, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import open_client, token_of
from pandabase_django.services.sync import comparison, statuses
from pandabase_django.services.sync import lease as leases
from pandabase_django.services.sync.comparison import Difference
from pandabase_django.services.sync.paging import PAGE_SIZE, Reader
from pandabase_django.services.sync.recorder import Recorder
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["Audit", "Count", "audit"]

KEPT_DIFFERENCES = 1000
EXTRAS_ASKED_FOR = 100
SETTLED = "what differs may be settled by now."


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of one kind on both sides."""

    name: str
    there: int
    here: int


@dataclass(slots=True)
class Audit:
    """What a comparison came to.

    Attributes:
        store_id: The store.
        resource: ``products`` or ``orders``.
        full: Every list row was compared; otherwise counts alone were.
        counts: Rows on both sides, by kind.
        rows_compared: List rows that were read and compared.
        differences: The first thousand.
        difference_count: All of them.
        not_compared: What the remote did not let us compare, and why; nobody knows if it is equal.
        notes: What else is worth knowing, such as that the store moved meanwhile.
        requests: Requests it cost.
        seconds: Time it took.
    """

    store_id: str
    resource: str
    full: bool
    counts: list[Count] = field(default_factory=list)
    rows_compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    difference_count: int = 0
    not_compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0

    @property
    def differs(self) -> bool:
        """Something that was compared differs."""
        return bool(self.difference_count) or any(c.there != c.here for c in self.counts)

    @property
    def equal(self) -> bool:
        """Everything was compared, and nothing differs."""
        return not self.differs and not self.not_compared

    def add(self, found: Iterable[Difference]) -> None:
        """Count differences and keep the first thousand."""
        for difference in found:
            self.difference_count += 1
            if len(self.differences) < KEPT_DIFFERENCES:
                self.differences.append(difference)


def audit(
    store: Store,
    *,
    resource: str,
    full: bool = False,
    on_progress: Callable[[SyncRun], None] = lambda run: None,
) -> Audit:
    """Compare one resource of a store with the remote.

    The full comparison holds the ids of the whole list in memory, about 100 bytes each.

    Args:
        store: The store.
        resource: ``products`` (with variants and categories) or ``orders``.
        full: Compare every list row instead of counts.
        on_progress: Called with a run that is never saved, to show how far it is.

    Raises:
        MissingPermission: The token may not read the resource.
        ConfigurationError: The store has no active token.
        PandabaseError: The remote or the credential failed.
    """
    started = time.monotonic()
    now = timezone.now()
    run = SyncRun(
        store=store, resource=resource, full=full, dry_run=True, started_at=now, heartbeat_at=now
    )
    recorder = Recorder(run, on_progress=on_progress)
    result = Audit(store_id=store.pk, resource=resource, full=full)
    before = leases.look(store_id=store.pk, resource=resource)
    with ExitStack() as stack:
        client = stack.enter_context(open_client(token_of(store)))
        recorder.watch(client.traffic)
        reader: Reader[Any] = stack.enter_context(
            Reader(
                concurrency=conf.concurrency,
                while_waiting=lambda: _tick(recorder),
                give_up=client.give_up,
            )
        )
        context = SyncContext(
            store=store,
            client=client,
            reader=reader,
            cursor=SyncCursor(store=store, resource=resource),
            lease=None,
            recorder=recorder,
            full=full,
            dry_run=True,
        )
        compare = _orders if resource == Resource.ORDERS else _products
        compare(context, result)
        result.requests = client.traffic.requests_sent
    if before.held:
        result.notes.append(f"A sync was running when the audit began; {SETTLED}")
    elif leases.look(store_id=store.pk, resource=resource) != before:
        result.notes.append(f"A sync ran meanwhile; {SETTLED}")
    result.seconds = time.monotonic() - started
    return result


def _orders(context: SyncContext, result: Audit) -> None:
    if not result.full:
        _count_orders(context, result)
        return
    orders = context.client.orders
    _compare_list(
        context,
        result,
        name="orders",
        model=Order,
        fetch=lambda page: orders.list(page=page, limit=PAGE_SIZE, sort="asc"),
        compare=comparison.compare_orders,
        get=orders.get,
    )


def _count_orders(context: SyncContext, result: Audit) -> None:
    here = statuses.count_here(context)
    there = statuses.count_there(context)
    result.counts = [Count(name, count, here[name]) for name, count in there.by_status.items()]
    if there.refused:
        named = ", ".join(there.refused)
        result.not_compared.append(
            f"The remote refuses to count orders in {named}; --full compares them row by row."
        )
    if there.total is None:
        result.not_compared.append("The remote refuses to count all orders.")
    else:
        result.counts.append(Count("TOTAL", there.total, sum(here.values())))


def _products(context: SyncContext, result: Audit) -> None:
    client = context.client
    try:
        _catalog(
            context,
            result,
            name="categories",
            model=Category,
            listing=client.categories,
            compare=comparison.compare_categories,
        )
    except MissingPermission as error:
        result.not_compared.append(f"Categories were not compared: {error}")
    _catalog(
        context,
        result,
        name="products",
        model=Product,
        listing=client.products,
        compare=comparison.compare_products,
    )


def _catalog(
    context: SyncContext,
    result: Audit,
    *,
    name: str,
    model: type[MirrorRow],
    listing: Lists[Any],
    compare: Callable[..., list[Difference]],
) -> None:
    if not result.full:
        total = context.reader.one(lambda: listing.list(page=1, limit=1)).total
        result.counts.append(Count(name, total, _live(context, model).count()))
        return
    _compare_list(
        context,
        result,
        name=name,
        model=model,
        fetch=lambda page: listing.list(
            page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
        ),
        compare=compare,
        get=listing.get,
    )


def _compare_list(
    context: SyncContext,
    result: Audit,
    *,
    name: str,
    model: type[MirrorRow],
    fetch: Callable[[int], Any],
    compare: Callable[..., list[Difference]],
    get: Callable[[str], object],
) -> None:
    seen: set[str] = set()
    totals: set[int] = set()
    read = unreadable = 0
    with context.recorder.step(f"audit of {name}"):
        for page in context.reader.pages(fetch):
            totals.add(page.total)
            read += page.received
            unreadable += page.received - len(page.items)
            seen.update(item.id for item in page.items)
            result.notes.extend(page.warnings)
            result.add(compare(page.items, store_id=context.store.pk))
            context.recorder.progress(done=read, total=page.total)
            context.recorder.save()
    result.rows_compared += len(seen)
    if unreadable:
        result.not_compared.append(f"{unreadable} of the listed {name} could not be read.")
    if len(totals) > 1 or read - unreadable != len(seen):
        result.not_compared.append(
            f"The list of {name} moved while it was read: rows may have been missed. "
            "Compare again when the store is quiet."
        )
    here = 0
    extra: list[str] = []
    for pk in _live(context, model).values_list("pk", flat=True).iterator():
        here += 1
        if pk not in seen:
            extra.append(pk)
    asked = dict(context.reader.each(lambda pk: _says(get, pk), extra[:EXTRAS_ASKED_FOR]))
    result.add(
        Difference(
            kind=model._meta.model_name or name,
            id=pk,
            what="not listed",
            why=asked.get(pk, "The remote does not list it."),
        )
        for pk in extra
    )
    result.counts.append(Count(name, max(totals, default=0), here))


def _says(get: Callable[[str], object], pk: str) -> str:
    try:
        get(pk)
    except ObjectNotFound:
        return "The remote does not list it, and does not find it either."
    return "The remote does not list it, but answers for it by its id."


def _live(context: SyncContext, model: type[MirrorRow]) -> Any:
    return model._default_manager.filter(store=context.store, gone_at__isnull=True)


def _tick(recorder: Recorder) -> None:
    recorder.tick()
