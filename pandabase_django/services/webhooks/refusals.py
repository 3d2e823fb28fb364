"""Keeps refused deliveries where every process sees them: in one row for each endpoint.

All addresses that are no endpoint share one row, so nobody can make rows. How often a row is
written is decided by ``doctor``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from django.utils import timezone as django_timezone

from pandabase_django.database import transaction
from pandabase_django.models import RefusedDeliveries

__all__ = [
    "UNKNOWN",
    "Refusal",
    "Refusals",
    "forget_refusals",
    "keep",
    "newest_refusal",
    "prune_refusals",
    "read_refusals",
    "total_of",
]

UNKNOWN = "unknown"  # where refusals at addresses that are no endpoint are kept
KEPT = 20
KEPT_FOR = timedelta(days=30)

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused delivery.

    Attributes:
        at: When.
        reason: See ``REASON_TEXTS``.
        evidence: See ``EVIDENCE_TEXTS``; "" when there is none.
        version: ``V1``, ``V2`` or "".
        skew_seconds: How far its signed time lies behind ours; None when that was in bounds.
        size: Bytes of the body that were read.
        peer: Address it came from.
        signature: What the signature header looked like, never the signature.
        headers: Some of the others, shortened.
    """

    at: datetime
    reason: str
    evidence: str
    version: str
    skew_seconds: float | None
    size: int
    peer: str
    signature: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusals:
    """What is known of one endpoint's refused deliveries of the last thirty days.

    Attributes:
        counts: By reason; those of processes that have not reported yet may be missing.
        last: The newest twenty, newest first.
    """

    counts: dict[str, int]
    last: tuple[Refusal, ...]

    @property
    def total(self) -> int:
        """All refusals that are counted."""
        return sum(self.counts.values())


def keep(place: str, refusal: Refusal, counted: Mapping[tuple[str, str], int]) -> None:
    """Add to the rows.

    Args:
        place: Id of the endpoint that refused, or ``UNKNOWN``.
        refusal: The newest there.
        counted: How many more were refused, by place and reason, this one included.

    Raises:
        django.db.Error: The database failed.
    """
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for (where, reason), number in counted.items():
        places[where][reason] += number
    with transaction.atomic():
        for where in sorted(places):  # in one order, so that two processes don't wait in a ring
            _add(where, places[where], refusal.at, [refusal] if where == place else [])


def read_refusals(endpoint_id: str = UNKNOWN) -> Refusals:
    """What is known of an endpoint's refused deliveries, or of those to no endpoint at all."""
    row = RefusedDeliveries.objects.filter(pk=endpoint_id).first()
    if row is None:
        return Refusals(counts={}, last=())
    return Refusals(counts=dict(_by_reason(row.counts)), last=tuple(_recent(row.newest)))


def newest_refusal(newest: Sequence[Mapping[str, Any]] | None) -> Refusal | None:
    """The newest refusal of the last thirty days, by the ``newest`` of a row."""
    return next(_recent((newest or ())[:1]), None)


def total_of(counts: Counts | None) -> int:
    """How many were refused in the last thirty days, by the ``counts`` of a row."""
    return sum(_by_reason(counts or {}).values())


def forget_refusals(endpoint_id: str = UNKNOWN) -> None:
    """Begin again, after a cause was fixed."""
    RefusedDeliveries.objects.filter(pk=endpoint_id).delete()


def prune_refusals(*, now: datetime) -> int:
    """Delete rows to which nothing was added for thirty days. Returns how many."""
    return RefusedDeliveries.objects.filter(noted_at__lt=now - KEPT_FOR).delete()[0]


def _add(place: str, more: Counter[str], at: datetime, newest: list[Refusal]) -> None:
    # Written first: on SQLite a read and then a write in one transaction fail beside a writer.
    RefusedDeliveries.objects.bulk_create(
        [RefusedDeliveries(pk=place, noted_at=at)], ignore_conflicts=True
    )
    row = RefusedDeliveries.objects.select_for_update().filter(pk=place).first()
    if row is None:
        return  # forgotten a moment ago
    today, first = _day(at), _day(at - KEPT_FOR)
    counts = {day: reasons for day, reasons in row.counts.items() if day >= first}
    counts[today] = dict(Counter(counts.get(today, {})) + more)
    row.counts = counts
    row.newest = [*map(_as_json, newest), *row.newest][:KEPT]
    row.noted_at = at
    row.save(update_fields=["counts", "newest", "noted_at"])


def _recent(newest: Iterable[Mapping[str, Any]]) -> Iterator[Refusal]:
    since = django_timezone.now() - KEPT_FOR
    for entry in newest:
        at = datetime.fromisoformat(entry["at"])
        if at > since:
            yield Refusal(**{**entry, "at": at})


def _by_reason(counts: Counts) -> Counter[str]:
    first = _day(django_timezone.now() - KEPT_FOR)
    total: Counter[str] = Counter()
    for day, reasons in counts.items():
        if day >= first:
            total.update(reasons)
    return total


def _day(at: datetime) -> str:
    return at.astimezone(timezone.utc).date().isoformat()


def _as_json(refusal: Refusal) -> dict[str, Any]:
    return {**asdict(refusal), "at": refusal.at.isoformat()}
