"""Fetches the details of the orders that are due, and tells an unreadable order from a sick remote.

An order whose details can't be read keeps nobody waiting: it stays due, is named in the warnings,
and is tried again by each run, after all others. The row says when it was tried last, since any
worker may try it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.exceptions import (
    APIError,
    InvalidCredential,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    RateLimited,
    TransportError,
)
from pandabase_django.models import Order
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.details import Detailed, Shown, write_details
from pandabase_django.services.sync.paging import Reader, batches
from pandabase_django.services.sync.recorder import Recorder

__all__ = ["Wanted", "fetch_details", "orders_due", "orders_unread", "wanted_in_pages"]

ORDERS_PER_TRANSACTION = 100
# In a row: after each five a request that must work tells whether it is the orders or the remote.
FAILURES_BEFORE_CONTROL = 5
FAILURES_AT_MOST = 100  # then no detail can be read any more, whatever else works

# Id and dirty mark of an order.
Wanted = tuple[str, int]


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


def fetch_details(
    wanted: Iterable[Wanted],
    *,
    client: Client,
    reader: Reader[Any],
    recorder: Recorder,
    store_id: str,
    silent: bool,
    guard: Callable[[], None],
    missing: set[str],
    shown: Mapping[str, Shown],
) -> int:
    """Fetch and write the details of these orders.

    Args:
        wanted: Ids and dirty marks.
        client: Fetches them.
        reader: Fetches several at a time.
        recorder: The run.
        store_id: The store.
        silent: Send no signal (a store's first sync).
        guard: Called first in each transaction; raises when nothing may be written any more.
        missing: Gets the ids that answered 404.
        shown: How lists showed them, as far as that is known.

    Returns:
        How many could not be read, or not be believed: they stay due.

    Raises:
        PandabaseError: The credential, a permission or the remote itself failed. What had arrived
            was written.
    """
    unread = 0

    def fetch(item: Wanted) -> Detailed | PandabaseError:
        pk, mark = item
        asked_at = timezone.now()
        try:
            order = client.orders.get(pk)
        except (InvalidCredential, MissingPermission, RateLimited):
            raise
        except (APIError, ProtocolError, TransportError) as error:
            return error
        if order.id != pk:
            return ProtocolError(f"They came back as those of {order.id}.")
        return Detailed(order=order, mark=mark, asked_at=asked_at, shown=shown.get(pk))

    def control() -> object:
        return reader.aside(lambda: client.orders.list(page=1, limit=1))

    answers = _while_it_is_well(reader.each(fetch, wanted), control=control)
    for batch in batches(answers, ORDERS_PER_TRANSACTION):
        failed = {pk: answer for (pk, _), answer in batch if isinstance(answer, PandabaseError)}
        recorder.warn(f"Details of {pk} could not be read: {e}" for pk, e in failed.items())
        with recorder.saving(guard):
            # Orders are locked before customers, as a webhook does: in two orders they would
            # wait for each other. Those that are doubted are locked already.
            _note_unread(failed)
            details = [answer for _, answer in batch if isinstance(answer, Detailed)]
            written = write_details(details, store_id=store_id, silent=silent)
            recorder.add(written)
            _note_unread(written.doubted)
            done = recorder.run.progress_done + len(batch)
            recorder.progress(done=done, total=recorder.run.progress_total)
        missing.update(pk for pk, error in failed.items() if isinstance(error, ObjectNotFound))
        unread += len(failed) + len(written.doubted)
    return unread


def _while_it_is_well(
    answers: Iterable[tuple[Wanted, Detailed | PandabaseError]], *, control: Callable[[], object]
) -> Iterator[tuple[Wanted, Detailed | PandabaseError]]:
    """Pass answers on until failures in a row mean that the remote is unwell, not some orders.

    Args:
        answers: What came of each order; one that is not found says nothing either way.
        control: A request that must work.

    Raises:
        PandabaseError: What the control met, or the last of too many failures.
    """
    in_a_row = 0
    for item, answer in answers:
        yield item, answer
        if isinstance(answer, ObjectNotFound):
            continue
        if not isinstance(answer, PandabaseError):
            in_a_row = 0
            continue
        in_a_row += 1
        if in_a_row >= FAILURES_AT_MOST:
            raise answer
        if in_a_row % FAILURES_BEFORE_CONTROL == 0:
            control()


def _note_unread(ids: Collection[str]) -> None:
    due = Order.objects.filter(Among(F("pk"), ids), dirty=True)
    due.update(unread_at=timezone.now())
