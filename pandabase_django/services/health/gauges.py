"""How the installation stands, in numbers for a monitor; the database is asked a fixed few times.

No number names a store: there may be hundreds, and each would multiply the series. A gauge has the
worst of all stores, or how many of them are in trouble; ``pandabase_check`` says which. Checks and
pages decide by the same ``Situation``.

Only rows that wait, fail or were given up are counted, by the indexes that hold no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from pandabase_django.models import (
    Purchase,
    RemoteAction,
    RotationAttempt,
    SyncRun,
    UsageRecord,
    WebhookDelivery,
)
from pandabase_django.services.attempts.waiting import FAILING
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.freshness import Freshness, beat_last_seen, freshness

__all__ = ["Gauge", "gauges"]

RUN_STATES = tuple(
    state
    for state in SyncRun.State
    if state != SyncRun.State.COMPLETED  # it is well, or its resource's lag says that it is not
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Numbers of one kind.

    Attributes:
        name: As a monitor has it.
        text: What it is, in a sentence.
        label: What the numbers differ by; "" when there is one alone, under the key "".
        values: The numbers by that label's value.
    """

    name: str
    text: str
    label: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


def gauges(situation: Situation) -> Iterator[Gauge]:
    """All of them, a label's known values included when their number is 0."""
    yield from _of_syncs(situation)
    yield _by_state(
        "pandabase_rotations",
        "Open rotations of secrets.",
        Counter(attempt.state for attempt in situation.open_rotations),
        RotationAttempt.State,
    )
    yield from _of_work()
    yield Gauge(
        "pandabase_queue_age_seconds",
        "How long the work that is due longest has waited for a worker.",
        "queue",
        dict(_ages(situation.now)),
    )


def _of_syncs(situation: Situation) -> Iterator[Gauge]:
    by_resource: dict[str, list[Freshness]] = {}
    for one in freshness(situation):
        if one.store_id in situation.enabled:
            by_resource.setdefault(one.resource, []).append(one)
    yield Gauge(
        "pandabase_resource_lag_seconds",
        "Time since the last sync that came to its end, of the store where it is longest ago.",
        "resource",
        {
            resource: max((situation.now - at).total_seconds() for at in times)
            for resource, found in by_resource.items()
            if (times := [one.as_of for one in found if one.as_of is not None])
        },
    )
    yield Gauge(
        "pandabase_resource_stale_stores",
        "Stores whose last sync was more than three intervals ago.",
        "resource",
        {name: sum(one.stale for one in found) for name, found in by_resource.items()},
    )
    yield Gauge(
        "pandabase_resource_unread_stores",
        "Stores of which no sync has come to its end yet.",
        "resource",
        {name: sum(one.as_of is None for one in found) for name, found in by_resource.items()},
    )
    yield _by_state(
        "pandabase_latest_runs",
        "Stores and resources by the state of their newest sync, the completed ones left out.",
        Counter(
            run.state for run in situation.latest_runs.values() if run.store_id in situation.enabled
        ),
        RUN_STATES,
    )
    seen = beat_last_seen(situation)
    yield Gauge(
        "pandabase_beat_age_seconds",
        "Time since a scheduled task last ran.",
        values={} if seen is None else {"": (situation.now - seen).total_seconds()},
    )


def _of_work() -> Iterator[Gauge]:
    pending = WebhookDelivery.State.PENDING
    yield Gauge(
        "pandabase_deliveries",
        "Webhook deliveries that wait, those of them that failed twice, and those given up.",
        "state",
        _counted(
            WebhookDelivery.objects.filter(Q(state=pending) | Q(state="DEAD")),
            pending=Q(state=pending),
            failing=FAILING,
            dead=Q(state="DEAD"),
        ),
    )
    mismatch = Q(verdict=Purchase.Verdict.MISMATCH)
    yield Gauge(
        "pandabase_purchases",
        "Purchases whose handlers wait, fail, were given up, or that did not pay as asked.",
        "state",
        _counted(
            Purchase.objects.filter(Q(state=pending) | Q(state="DEAD") | mismatch),
            pending=Q(state=pending),
            failing=FAILING,
            dead=Q(state="DEAD"),
            mismatch=mismatch,
        ),
    )
    State = RemoteAction.State
    yield Gauge(
        "pandabase_actions",
        "Actions that are open.",
        "state",
        _counted(
            RemoteAction.objects.open(),
            prepared=Q(state=State.PREPARED),
            sent=Q(state=State.SENT),
            unknown=Q(state=State.UNKNOWN),
        ),
    )
    yield Gauge(
        "pandabase_usage_records",
        "Usage records that are not settled.",
        "state",
        _counted(
            UsageRecord.objects.unsettled(),
            **{state.value.lower(): Q(state=state) for state in UsageRecord.UNSETTLED},
        ),
    )


def _ages(now: datetime) -> Iterator[tuple[str, float]]:
    # Each by the beginning of an index; only that of usage reads what waits.
    for queue, rows, column in (
        ("deliveries", WebhookDelivery.objects.filter(state="PENDING"), "next_attempt_at"),
        ("purchases", Purchase.objects.filter(state="PENDING"), "next_attempt_at"),
        ("actions", RemoteAction.objects.filter(next_attempt_at__isnull=False), "next_attempt_at"),
        ("usage", UsageRecord.objects.filter(state="PENDING"), "due_at"),
    ):
        oldest: datetime | None = rows.aggregate(oldest=Min(column))["oldest"]
        yield queue, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _counted(rows: QuerySet[Any], **states: Q) -> dict[str, float]:
    return rows.aggregate(**{name: Count("pk", filter=which) for name, which in states.items()})


def _by_state(name: str, text: str, found: Counter[str], states: Iterable[Any]) -> Gauge:
    return Gauge(name, text, "state", {state.value.lower(): found[state] for state in states})
