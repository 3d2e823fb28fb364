"""Reads what a month is closed from, and what is missing here. Nothing is asked of the remote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from datetime import timezone as zones
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import (
    Dispute,
    LedgerEntry,
    Order,
    Payout,
    Refund,
    Store,
    SyncCursor,
    SyncRun,
)
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.books.closing import Closing, close
from pandabase_django.services.books.material import (
    UNDATED,
    Claim,
    Entry,
    Material,
    PaidOut,
    Reason,
    Sale,
)
from pandabase_django.services.books.month import Month
from pandabase_django.services.sync.readings.known import Known
from pandabase_django.services.sync.run.checkpoints import Checkpoints

__all__ = ["close_month", "months_of"]

UTC = zones.utc
RESOURCES = ("ledger", "orders", "refunds", "disputes", "payouts")
# Which cursor says how far a list was read: runs of orders read refunds and disputes.
_READ_BY = {"refunds": "orders", "disputes": "orders"}
UNDATED_SHOWN = 5
BEFORE = 500  # entries; those of the last moment before a month are among them

_ENTRY = ("type", "amount_minor", "balance_minor", "currency", "reference_id", "created_at")
_SALE = (
    "order_number",
    "payment_id",
    "status",
    "amount_minor",
    "total_minor",
    "settled_minor",
    "created_at",
    "updated_at",
)


def close_month(store: Store, month: Month, *, now: datetime | None = None) -> Closing:
    """Close a month of a store, from the local rows alone::

        closing = close_month(store, Month.of_text("2026-10"))
        closing.state, closing.differences

    Args:
        store: The store.
        month: The month, in UTC.
        now: The time; None is now.
    """
    return close(_material(store, month, now or timezone.now()))


def months_of(stores: Sequence[Store]) -> dict[str, list[tuple[Month, int]]]:
    """By store: the months its ledger has entries of, newest first, and how many; one query."""
    rows = LedgerEntry.objects.live().filter(store__in=stores, created_at__isnull=False)
    counted = (
        rows.annotate(month=TruncMonth("created_at", tzinfo=UTC))
        .order_by("-month")
        .values("store", "month")
        .annotate(entries=Count("pk"))
        .values_list("store", "month", "entries")
    )
    found: dict[str, list[tuple[Month, int]]] = {store.pk: [] for store in stores}
    for store_id, at, count in counted:
        found[store_id].append((Month.of_time(at), count))
    return found


def _material(store: Store, month: Month, now: datetime) -> Material:
    reasons = list(_reasons(store, month, now))
    every = LedgerEntry.objects.live().filter(store=store)
    ledger = every.filter(created_at__isnull=False)
    entries = _entries(ledger.filter(created_at__gte=month.start, created_at__lt=month.end))
    earlier = ledger.filter(created_at__lt=month.start)
    before = [
        entry
        for currency in sorted({entry.currency for entry in entries})
        for entry in _entries(
            earlier.filter(currency=currency).order_by("-created_at", "-pk")[:BEFORE]
        )
    ]
    named = sorted({entry.reference_id for entry in entries if entry.reference_id})
    in_month = Q(created_at__gte=month.start, created_at__lt=month.end)
    refunds, disputes = (
        model._default_manager.live().filter(store=store) for model in (Refund, Dispute)
    )
    orders = Order.objects.live().filter(store=store)
    ids = {
        *orders.filter(in_month).values_list("pk", flat=True),
        *orders.filter(Among(F("payment_id"), named)).values_list("pk", flat=True),
        *orders.filter(Among(F("pk"), named)).values_list("pk", flat=True),
        *refunds.filter(in_month, order__isnull=False).values_list("order_id", flat=True),
        *disputes.filter(in_month, order__isnull=False).values_list("order_id", flat=True),
    }
    among = sorted(str(pk) for pk in ids)
    sales = [Sale(*row) for row in orders.filter(Among(F("pk"), among)).values_list("pk", *_SALE)]
    of_month = Q(created_at__gte=month.start, created_at__lt=month.end)
    payouts = Payout.objects.filter(store=store).filter(of_month | Q(Among(F("pk"), named)))
    paid_out = [
        PaidOut(*row[:-2], is_gone=row[-2] is not None, updated_at=row[-1])
        for row in payouts.order_by("created_at", "pk").values_list(
            "pk", "status", "amount_minor", "fee_minor", "created_at", "gone_at", "updated_at"
        )
    ]
    references = {*among, *(s.payment_id for s in sales if s.payment_id), *(p.id for p in paid_out)}
    others = every.filter(Among(F("reference_id"), sorted(references))).exclude(in_month)
    cursors = SyncCursor.objects.filter(store=store, resource="ledger")
    read_at = cursors.values_list("last_completed_at", flat=True).first()
    return Material(
        store_id=store.pk,
        month=month,
        before=before,
        entries=entries,
        others=_entries(others),
        begins_at=ledger.aggregate(at=Min("created_at"))["at"],
        sales=sorted(sales, key=lambda sale: (str(sale.created_at), sale.id)),
        refunds=_claims(refunds.filter(Among(F("order_id"), among))),
        disputes=_claims(disputes.filter(Among(F("order_id"), among)), fee="fee_minor"),
        payouts=paid_out,
        reasons=reasons,
        unsure=_unsure(reasons),
        booked_until=read_at and read_at - timedelta(seconds=conf.mark_gone_after_seconds),
        ledger_read_at=read_at,
    )


def _entries(rows: QuerySet[LedgerEntry]) -> list[Entry]:
    found: Iterable[tuple[Any, ...]] = rows.values_list("pk", *_ENTRY)
    return [Entry(*(row if row[-1] else (*row[:-1], UNDATED))) for row in found]


def _claims(rows: QuerySet[Any], *, fee: str = "") -> list[Claim]:
    found = rows.order_by("created_at", "pk").values_list(
        "pk", "order_id", "status", "amount_minor", "created_at", *filter(None, [fee])
    )
    return [
        Claim(pk, order, status, amount, more[0] if more else None, created)
        for pk, order, status, amount, created, *more in found
    ]


def _reasons(store: Store, month: Month, now: datetime) -> Iterator[Reason]:
    """What is missing here."""
    if now < month.end:
        yield Reason("not over")
    cursors = {cursor.resource: cursor for cursor in SyncCursor.objects.filter(store=store)}
    # A replica may lag: what it shows just after the end may be from before it.
    enough = month.end + timedelta(seconds=conf.mark_gone_after_seconds)
    for resource in RESOURCES:
        if reason := _of_resource(resource, cursors, enough if now >= month.end else None):
            yield reason
    latest = _latest_runs(store)
    for resource in ("ledger", "orders", "payouts"):
        if latest.get(resource) == SyncRun.State.PARTIAL:
            yield Reason("in part", resource)
    yield from _undated(store)
    due = Order.objects.live().filter(store=store, dirty=True, detailed_at__isnull=True)
    due = due.filter(Q(created_at__isnull=True) | Q(created_at__lt=month.end))
    if count := due.count():
        yield Reason("not detailed", "orders", count=count)


def _undated(store: Store) -> Iterator[Reason]:
    """What may be of any month, since its time can't be read."""
    models: dict[str, type[Any]] = {
        "ledger": LedgerEntry,
        "orders": Order,
        "refunds": Refund,
        "disputes": Dispute,
        "payouts": Payout,
    }
    for resource, model in models.items():
        rows = model._default_manager.live().filter(store=store, created_at__isnull=True)
        if model is Order:  # of others the details may still show it
            rows = rows.filter(detailed_at__isnull=False)
        if count := rows.count():
            ids = rows.order_by("pk").values_list("pk", flat=True)[:UNDATED_SHOWN]
            yield Reason("undated", resource, count=count, ids=tuple(ids))


def _of_resource(
    resource: str, cursors: dict[str, SyncCursor], enough: datetime | None
) -> Reason | None:
    reader = _READ_BY.get(resource, resource)
    found = [
        (cursors[name], _known(cursors[name], resource))
        for name in dict.fromkeys((resource, reader))
        if name in cursors
    ]
    listed = [
        (cursor, known)
        for cursor, known in found
        if cursor.last_completed_at and (resource in ("orders", "payouts") or known)
    ]
    if not listed:
        return Reason("never read", resource)
    cursor, known = max(listed, key=lambda pair: str(pair[0].last_completed_at))
    if known and known.closed:
        return Reason("closed", resource, at=cursor.last_completed_at)
    if known and known.unread:
        return Reason("unread", resource, at=cursor.last_completed_at)
    if enough and cursor.last_completed_at and cursor.last_completed_at < enough:
        return Reason("too old", resource, at=cursor.last_completed_at)
    return None


def _known(cursor: SyncCursor, resource: str) -> Known | None:
    checkpoints = Checkpoints(cursor.checkpoint)
    return checkpoints.of(resource, Known) if checkpoints.has(resource, Known) else None


def _latest_runs(store: Store) -> dict[str, str]:
    """How the last run of each resource ended that came to its end."""
    ended = SyncRun.objects.filter(
        store=store, state__in=[SyncRun.State.COMPLETED, SyncRun.State.PARTIAL]
    )
    ids = ended.order_by().values("resource").annotate(last=Max("pk")).values_list("last")
    return dict(SyncRun.objects.filter(pk__in=ids).values_list("resource", "state"))


def _unsure(reasons: Sequence[Reason]) -> frozenset[str]:
    # What is undated is here all the same.
    unsure = {reason.resource for reason in reasons if reason.resource and not reason.ids}
    if any(reason.code == "not over" for reason in reasons):
        # Of what is under way, entries and what they belong to come at different times.
        unsure.update(RESOURCES)
    return frozenset(unsure)
