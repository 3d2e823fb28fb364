"""Keeps the remote's log of requests, which forgets after 30 days (Source: P-18).

The log is read newest first until a page holds nothing that an earlier *complete* pass has not
stored. What a pass stores carries the time the pass began, so a pass that was broken off differs
from a complete one: it goes on where it stopped, and no entry behind it is taken for known.
Entries that arrive while we read push others to later pages, so they come twice and never hide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone

from pandabase_django.api.schemas import Page
from pandabase_django.api.schemas.request_logs import RequestLogEntry
from pandabase_django.conf import conf
from pandabase_django.exceptions import (
    APIError,
    ForeignAnswer,
    InvalidCredential,
    MissingPermission,
)
from pandabase_django.models import RequestLog, Store, SyncCursor
from pandabase_django.services.sync.mirror.bulk import insert_missing
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.run.checkpoints import Checkpoint, Checkpoints
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import forget_left_out, note_page, write_in_parts
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["MAX_PAGES", "REQUEST_LOGS", "is_read_in_part", "prune_request_logs"]

MAX_PAGES = 500  # of one run; a longer log is read on by the next
PRUNED_AT_ONCE = 1000
_SHORTEST_STEP = timedelta(microseconds=1)


@dataclass(slots=True)
class Pass(Checkpoint):
    """One reading of the log, over as many runs as it takes.

    Attributes:
        began: Written as ``synced_at`` into its rows; later than that of every pass before. None
            when no pass is under way.
        page: The next page.
        complete: When the last complete pass began; None before the first.
    """

    reading: ClassVar[str] = "log"
    began: datetime | None = None
    page: int = 1
    complete: datetime | None = None

    def begin(self) -> datetime:
        """Begin a pass if none is under way. Returns when it began."""
        if self.began is None:
            now = timezone.now()
            if self.complete is not None:
                now = max(now, self.complete + _SHORTEST_STEP)  # clocks of two workers may differ
            self.began, self.page = now, 1
        return self.began


class Log:
    """The newest entries, down to a page that an earlier complete pass has known."""

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Read what is new in the log of one store.

        The run ends in part when the log is longer than ``MAX_PAGES``: the next run goes on.
        """
        _fetch_request_logs(context)


REQUEST_LOGS: Resource[Any] = Resource(
    name="request_logs",
    schedule=Schedule.BY_NAME,
    listing=lambda client: client.request_logs.listing,
    permission="",  # whether a store's token may read it is not known (P-16, P-18)
    readings=[Log()],
)


def _fetch_request_logs(context: RunContext) -> None:
    current = context.checkpoints.of(REQUEST_LOGS.name, Pass)
    current.begin()
    oldest_kept = timezone.now() - timedelta(days=conf.request_log_retention_days)
    done = 0
    # An entry that can't be kept is reported once: the log goes on, and does not show it again.
    forget_left_out(context, REQUEST_LOGS.name)

    def write(part: Sequence[RequestLogEntry], now: datetime) -> bool:
        return _keep(context, part, current, oldest_kept)

    with context.recorder.step("request log"):
        for _ in range(MAX_PAGES):
            page = _read(context, current.page)
            note_page(context, REQUEST_LOGS.name, page)
            for entry in page.items:
                context.recorder.warn(entry.warnings)
            known = write_in_parts(context, page.items, write)
            nothing_new = bool(known) and all(known)
            current.page += 1
            done += page.received
            context.recorder.progress(done=done, total=page.total)
            ended = current.page > page.total_pages or (
                nothing_new and not context.full and _newest_first(page.items)
            )
            if ended:
                current.complete, current.began = current.began, None
            context.save_checkpoints()
            if ended:
                return
    context.recorder.attend(f"The log is longer than {MAX_PAGES} pages; the next run goes on.")
    context.recorder.in_part = True


def is_read_in_part(store_id: str) -> bool:
    """Whether a pass of this store is under way, and goes on with the next run."""
    cursor = SyncCursor.objects.filter(store=store_id, resource=REQUEST_LOGS.name).first()
    if cursor is None:
        return False
    return Checkpoints(cursor.checkpoint).of(REQUEST_LOGS.name, Pass).began is not None


def prune_request_logs() -> int:
    """Delete entries older than ``REQUEST_LOG_RETENTION_DAYS``, in batches. Returns how many."""
    cutoff = timezone.now() - timedelta(days=conf.request_log_retention_days)
    deleted = 0
    # Two queries, so that each can use an index.
    for old in (Q(logged_at__lt=cutoff), Q(logged_at__isnull=True, synced_at__lt=cutoff)):
        while batch := list(
            RequestLog.objects.filter(old).order_by().values_list("pk", flat=True)[:PRUNED_AT_ONCE]
        ):
            deleted += RequestLog.objects.filter(pk__in=batch).delete()[0]
    return deleted


def _read(context: RunContext, number: int) -> Page[RequestLogEntry]:
    client = context.client

    def fetch(page: int) -> Page[RequestLogEntry]:
        return client.request_logs.list(page=page, limit=PAGE_SIZE)

    page: Page[RequestLogEntry]
    try:
        ((_, page),) = context.reader.each(fetch, [number])
    except InvalidCredential as error:
        # Whether a store's token may read the log at all is not known (P-16, P-18). A remote
        # that says 401 to this alone must not make the token suspect.
        with suppress(MissingPermission):
            client.store.get()
        raise _refusal(error) from None
    except APIError as error:
        # A path that the remote does not have is answered by its web server, in a form of its own.
        refused = error.status == 403 and not isinstance(error, ForeignAnswer)
        if not refused and error.status != 404:
            raise
        raise _refusal(error) from None
    return page


def _refusal(error: APIError) -> MissingPermission:
    return MissingPermission(
        f"The remote does not show its request log to this token: {error.message} "
        "It accepts the token itself. Perhaps only people who are signed in to the Pandabase "
        "dashboard may see the log; look there.",
        status=error.status,
        request_id=error.request_id,
        codes=getattr(error, "codes", ()),
    )


def _keep(
    context: RunContext,
    entries: Sequence[RequestLogEntry],
    current: Pass,
    oldest_kept: datetime,
) -> bool:
    """Insert what is not here yet; True when an earlier complete pass has known all of it."""
    wanted = [e for e in entries if e.logged_at is None or e.logged_at >= oldest_kept]
    fresh, stored = _compared(context.store, wanted, current)
    created = 0
    # What another store's run has inserted meanwhile under the same id gets an id of its own.
    while not context.dry_run and (met := insert_missing(RequestLog, fresh)):
        created += len(fresh) - len(met)
        fresh, stored = _compared(context.store, wanted, current)
    context.recorder.run.rows_created += created + len(fresh)
    context.recorder.run.rows_unchanged += len(stored) - created
    complete = current.complete
    return not fresh and complete is not None and all(at <= complete for at in stored.values())


def _compared(
    store: Store, entries: Sequence[RequestLogEntry], current: Pass
) -> tuple[list[RequestLog], dict[str, datetime]]:
    """Entries that are not here yet, and when the others were stored."""
    rows = _rows(store, entries, began=current.begin())
    stored = dict(
        RequestLog.objects.filter(pk__in=list(rows), store=store).values_list("pk", "synced_at")
    )
    fresh = [row for pk, row in rows.items() if pk not in stored]
    _mark_new_addresses(store, fresh, current)
    return fresh, stored


def _rows(
    store: Store, entries: Iterable[RequestLogEntry], *, began: datetime
) -> dict[str, RequestLog]:
    """Rows by primary key; an entry that is listed twice comes once."""
    entries = list(entries)
    ids = [entry.id for entry in entries if entry.id]
    foreign = set(
        RequestLog.objects.filter(pk__in=ids).exclude(store=store).values_list("pk", flat=True)
    )
    rows: dict[str, RequestLog] = {}
    for entry in entries:
        pk = entry.id
        if not pk or pk in foreign:
            # Nobody has said that ids of entries are unique beyond a store.
            pk = hashlib.sha256(f"{store.pk}\n{entry.digest}".encode()).hexdigest()
        rows[pk] = RequestLog(
            id=pk,
            store=store,
            method=(entry.method or "")[:16],
            path=entry.path or "",
            status_code=entry.status_code,
            duration_ms=entry.duration_ms,
            ip=entry.ip or "",
            logged_at=entry.logged_at,
            payload=entry.payload,
            synced_at=began,
        )
    return rows


def _mark_new_addresses(store: Store, fresh: Sequence[RequestLog], current: Pass) -> None:
    """Mark addresses of which no earlier pass has a call; the first pass is the measure."""
    if current.complete is None:
        return
    addresses = {row.ip for row in fresh if row.ip}
    known = set(
        RequestLog.objects.filter(store=store, ip__in=addresses, synced_at__lt=current.began)
        .order_by()
        .values_list("ip", flat=True)
        .distinct()
    )
    for row in fresh:
        row.ip_is_new = row.ip in addresses - known


def _newest_first(entries: Sequence[RequestLogEntry]) -> bool:
    """The order is not documented; a log that is read oldest first has its news at its end."""
    times = [entry.logged_at for entry in entries if entry.logged_at is not None]
    return all(earlier >= later for earlier, later in pairwise(times))
