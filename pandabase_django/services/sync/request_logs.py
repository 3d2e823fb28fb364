"""Keeps the remote's log of requests, which forgets after 30 days (Source: P-18).

The log is read newest first until a page holds nothing that an earlier *complete* pass has not
stored. What a pass stores carries the time the pass began, so a pass that was broken off is told
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
from typing import Any

from django.db.models import Q
from django.utils import timezone

from pandabase_django.api.request_logs import RequestLogEntry
from pandabase_django.api.schemas import Page
from pandabase_django.conf import conf
from pandabase_django.exceptions import (
    APIError,
    InvalidCredential,
    MissingPermission,
)
from pandabase_django.models import RequestLog, Store, SyncRun
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["MAX_PAGES", "fetch_request_logs", "prune_request_logs"]

MAX_PAGES = 500  # of one run; a longer log is read on by the next
PRUNED_AT_ONCE = 1000
_SHORTEST_STEP = timedelta(microseconds=1)


@dataclass(slots=True)
class _Pass:
    """One reading of the log, over as many runs as it takes.

    Attributes:
        began: Written as ``synced_at`` into its rows; later than that of every pass before.
        number: The next page.
        complete: When the last complete pass began; None before the first.
    """

    began: datetime
    number: int
    complete: datetime | None

    @classmethod
    def from_checkpoint(cls, checkpoint: dict[str, Any]) -> _Pass:
        complete = _time(checkpoint.get("complete"))
        began = _time(checkpoint.get("began"))
        if began is not None:
            return cls(began=began, number=int(checkpoint.get("page", 1)), complete=complete)
        now = timezone.now()
        if complete is not None:
            now = max(now, complete + _SHORTEST_STEP)  # clocks of two workers may differ
        return cls(began=now, number=1, complete=complete)

    def checkpoint(self) -> dict[str, Any]:
        complete = None if self.complete is None else self.complete.isoformat()
        return {"began": self.began.isoformat(), "page": self.number, "complete": complete}


def fetch_request_logs(context: SyncContext) -> SyncRun.State:
    """Read what is new in the log of one store.

    Returns:
        PARTIAL when the log is longer than ``MAX_PAGES``: the next run goes on.

    Raises:
        MissingPermission: The remote does not let this token read the log.
        LeaseLost: The lease passed to another worker.
        PandabaseError: Any other failure.
    """
    current = _Pass.from_checkpoint(context.cursor.checkpoint)
    oldest_kept = timezone.now() - timedelta(days=conf.request_log_retention_days)
    done = 0
    with context.recorder.step("request log"):
        for _ in range(MAX_PAGES):
            page = _read(context, current.number)
            context.recorder.warn(page.warnings)
            with context.writing():
                nothing_new = _keep(context, page.items, current, oldest_kept)
                current.number += 1
                done += page.received
                context.recorder.progress(done=done, total=page.total)
                ended = current.number > page.total_pages or (
                    nothing_new and not context.full and _newest_first(page.items)
                )
                _advance(context, current, ended=ended)
            if ended:
                return SyncRun.State.COMPLETED
    context.recorder.attend(f"The log is longer than {MAX_PAGES} pages; the next run goes on.")
    return SyncRun.State.PARTIAL


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


def _read(context: SyncContext, number: int) -> Page[RequestLogEntry]:
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
        if error.status not in (403, 404):
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
    context: SyncContext,
    entries: Sequence[RequestLogEntry],
    current: _Pass,
    oldest_kept: datetime,
) -> bool:
    """Insert what is not here yet; True when an earlier complete pass has known all of it."""
    for entry in entries:
        context.recorder.warn(entry.warnings)
    wanted = [e for e in entries if e.logged_at is None or e.logged_at >= oldest_kept]
    rows = _rows(context.store, wanted, began=current.began)
    stored = dict(
        RequestLog.objects.filter(pk__in=list(rows), store=context.store).values_list(
            "pk", "synced_at"
        )
    )
    fresh = [row for pk, row in rows.items() if pk not in stored]
    _mark_new_addresses(context.store, fresh, current)
    if not context.dry_run:
        RequestLog.objects.bulk_create(fresh, ignore_conflicts=True)
    context.recorder.run.rows_created += len(fresh)
    context.recorder.run.rows_unchanged += len(stored)
    complete = current.complete
    return not fresh and complete is not None and all(at <= complete for at in stored.values())


def _rows(
    store: Store, entries: Iterable[RequestLogEntry], *, began: datetime
) -> dict[str, RequestLog]:
    """Rows by primary key; an entry that stands twice comes once."""
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


def _mark_new_addresses(store: Store, fresh: Sequence[RequestLog], current: _Pass) -> None:
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


def _advance(context: SyncContext, current: _Pass, *, ended: bool) -> None:
    context.cursor.checkpoint = (
        {"complete": current.began.isoformat()} if ended else current.checkpoint()
    )
    if not context.dry_run:
        context.cursor.save(update_fields=["checkpoint"])


def _newest_first(entries: Sequence[RequestLogEntry]) -> bool:
    """The order is not documented; a log that is read oldest first has its news at its end."""
    times = [entry.logged_at for entry in entries if entry.logged_at is not None]
    return all(earlier >= later for earlier, later in pairwise(times))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
