"""Fetches the details that are due. An unreadable order ends no run; an unwell remote does.

An order whose details can't be read delays no other. It stays due, is named in the warnings, and
each run tries it again after all others. The row says when it was tried last, since any worker may
try it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.exceptions import ObjectNotFound, PandabaseError, ProtocolError
from pandabase_django.models import Order
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.orders.details.writing import Detailed, Written, write_details
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.failures import transact
from pandabase_django.services.sync.run.one_object import failure_of, while_it_is_well
from pandabase_django.services.sync.run.reader import batches

__all__ = [
    "REREAD_AT_ONCE",
    "Fetched",
    "Wanted",
    "fetch_details",
    "oldest_details",
    "orders_due",
    "orders_unread",
    "wanted_in_pages",
]

ORDERS_PER_TRANSACTION = 100
REREAD_AT_ONCE = 20  # in each poll, of the orders that are not due

# Id and dirty mark of an order.
Wanted = tuple[str, int]
# The same, and when its details were read.
Place = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of asking for the details of some orders.

    Attributes:
        unread: How many could not be read, or not be believed: they stay due.
        missing: The ids that answered 404.
    """

    unread: int = 0
    missing: frozenset[str] = frozenset()

    def __add__(self, other: Fetched) -> Fetched:
        return Fetched(self.unread + other.unread, self.missing | other.missing)


def orders_due(store_id: str) -> QuerySet[Order]:
    """Orders whose details are due, but for those that could not be read."""
    return Order.objects.filter(store_id=store_id, dirty=True, unread_at__isnull=True)


def orders_unread(store_id: str, *, before: datetime | None = None) -> QuerySet[Order]:
    """Orders whose details could not be read.

    Args:
        store_id: The store.
        before: Leave out those that were tried since.
    """
    unread = Order.objects.filter(store_id=store_id, dirty=True, unread_at__isnull=False)
    return unread.filter(unread_at__lt=before) if before else unread


def oldest_details(
    store_id: str, *, after: tuple[datetime, str] | None = None, before: datetime | None = None
) -> list[Place]:
    """The next orders by the age of their details, oldest first, among those that are not due.

    No list shows an address that is corrected a year after the sale, so all are read again in
    turn. The place of the turn is in the checkpoint and not in the rows, which stay as they are;
    so an order that can't be read is passed like any other.

    Args:
        store_id: The store.
        after: When the details of the last one were read, and its id; None begins.
        before: Leave out those whose details were read since.
    """
    rows = Order.objects.filter(
        store_id=store_id, dirty=False, gone_at__isnull=True, detailed_at__isnull=False
    )
    if after:
        at, pk = after
        rows = rows.filter(detailed_at__gte=at).exclude(detailed_at=at, pk__lte=pk)
    if before:
        rows = rows.filter(detailed_at__lt=before)
    places = rows.order_by("detailed_at", "pk").values_list("pk", "dirty_mark", "detailed_at")
    return [(pk, mark, at) for pk, mark, at in places[:REREAD_AT_ONCE] if at]


def wanted_in_pages(orders: QuerySet[Order], *, size: int = 1000) -> Iterator[Wanted]:
    """Ids and marks of these orders, each once, by id; read while others are being written."""
    after = ""
    while True:
        found = list(
            orders.filter(pk__gt=after).order_by("pk").values_list("pk", "dirty_mark")[:size]
        )
        yield from found
        if len(found) < size:
            return
        after = found[-1][0]


def fetch_details(context: RunContext, wanted: Iterable[Wanted]) -> Fetched:
    """Fetch and write the details of these orders, given by their ids and dirty marks.

    Raises:
        PandabaseError: The credential, a permission or the remote itself failed. What had arrived
            was written.
    """
    orders = context.client.orders

    def fetch(item: Wanted) -> Detailed | PandabaseError:
        pk, mark = item
        asked_at = timezone.now()
        try:
            order = orders.get(pk)
        except Exception as error:  # noqa: BLE001  what is no order's is raised again
            return failure_of(error)
        if order.id != pk:
            return ProtocolError(f"They came back as those of {order.id}.")
        return Detailed(order=order, mark=mark, asked_at=asked_at)

    control = partial(context.reader.aside, lambda: orders.list(page=1, limit=1))
    answers = while_it_is_well(context.reader.each(fetch, wanted), control=control)
    result = Fetched()
    for batch in batches(answers, ORDERS_PER_TRANSACTION):
        result += _write(context, batch)
    return result


def _write(context: RunContext, batch: list[tuple[Wanted, Detailed | PandabaseError]]) -> Fetched:
    failed = {pk: answer for (pk, _), answer in batch if isinstance(answer, PandabaseError)}
    try:
        written = transact(partial(_save, context, batch))
    except Exception as error:
        failure = failure_of(error)
        if len(failed) == len(batch):
            raise
        if len(batch) == 1:
            return _write(context, [(batch[0][0], failure)])
        # One of them is why; the others are not to wait for it.
        half = len(batch) // 2
        return _write(context, batch[:half]) + _write(context, batch[half:])
    context.recorder.warn(f"Details of {pk} could not be read: {e}" for pk, e in failed.items())
    missing = (pk for pk, error in failed.items() if isinstance(error, ObjectNotFound))
    return Fetched(len(failed) + len(written.doubted), frozenset(missing))


def _save(context: RunContext, batch: list[tuple[Wanted, Detailed | PandabaseError]]) -> Written:
    recorder, store_id = context.recorder, context.store.pk
    with recorder.saving(context.keep_lease):
        # Orders are locked before customers, as a webhook does: in two orders they would wait for
        # each other. Those that are doubted are locked already.
        failed = [pk for (pk, _), answer in batch if isinstance(answer, PandabaseError)]
        _note_unread(failed, store_id=store_id)
        details = [answer for _, answer in batch if isinstance(answer, Detailed)]
        written = write_details(details, store_id=store_id, silent=context.first)
        recorder.add(written)
        _note_unread(written.doubted, store_id=store_id)
        done = recorder.run.progress_done + len(batch)
        recorder.progress(done=done, total=recorder.run.progress_total)
        return written


def _note_unread(ids: Collection[str], *, store_id: str) -> None:
    due = Order.objects.filter(Among(F("pk"), ids), store_id=store_id, dirty=True)
    due.update(unread_at=timezone.now())
