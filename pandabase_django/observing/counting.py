"""Counts what this process does with prometheus_client. Import it only where that is installed.

The registry is one of its own: what else a process counts is not shown with it. With
``PROMETHEUS_MULTIPROC_DIR`` set, the numbers are in files, and ``counted`` adds those of all
processes up; prometheus_client reads that variable when it is imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from pandabase_django.observing import NO_ANSWER, Attempt, Observer

__all__ = ["Counting", "counted", "status_label"]

PREFIX = "pandabase_"
# What the remote documents, and proxies answer. Any other number is its class: a remote may send
# any, and each would be a series of its own.
STATUSES = frozenset(
    {200, 201, 204, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504},
)
SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_registry = CollectorRegistry()
_requests = Counter(
    "pandabase_requests",
    "Requests sent to Pandabase, each try counted.",
    ("operation", "status"),
    registry=_registry,
)
_durations = Histogram(
    "pandabase_request_duration_seconds",
    "Time from sending a request to the last byte of its answer.",
    ("operation",),
    buckets=SECONDS,
    registry=_registry,
)
_waits = Counter(
    "pandabase_rate_limit_wait_seconds",
    "Seconds slept for exhausted rate limits.",
    ("limit",),
    registry=_registry,
)
_failures = Counter(
    "pandabase_handler_failures",
    "Times that code of the shop raised.",
    ("kind", "handler"),
    registry=_registry,
)
_ends = Counter(
    "pandabase_deliveries_ended",
    "Webhook deliveries that were handled, ignored or given up.",
    ("state",),
    registry=_registry,
)


def status_label(status: int) -> str:
    """The status if it is a known one, else its class, such as ``4xx``; ``none`` of no answer."""
    if status == NO_ANSWER:
        return "none"
    return str(status) if status in STATUSES else f"{status // 100}xx"


class Counting(Observer):
    """Adds up."""

    def request_begins(self, attempt: Attempt) -> Callable[[int], object]:
        began = time.perf_counter()

        def ends(status: int) -> None:
            _requests.labels(attempt.operation, status_label(status)).inc()
            _durations.labels(attempt.operation).observe(time.perf_counter() - began)

        return ends

    def waits(self, seconds: float, *, limit: str) -> None:
        _waits.labels(limit).inc(seconds)

    def handler_fails(self, name: str, *, kind: str) -> None:
        _failures.labels(kind, name).inc()

    def delivery_ends(self, state: str) -> None:
        _ends.labels(state).inc()


def counted() -> Iterator[Metric]:
    """What this process has counted; with a folder for several, what all of them have.

    Raises:
        FileNotFoundError: PROMETHEUS_MULTIPROC_DIR names no folder.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        yield from _registry.collect()
        return
    if not os.path.isdir(folder):
        raise FileNotFoundError(folder)
    # The shop's own metrics are in the same folder.
    found = MultiProcessCollector(None, folder).collect()  # type: ignore[no-untyped-call]
    yield from (metric for metric in found if metric.name.startswith(PREFIX))
