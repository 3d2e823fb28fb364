"""What is told of requests and handlers, and what a monitor reads, by the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from django.db import Error as AnyDatabaseError

from pandabase_django.conf import conf
from pandabase_django.observing import Observer
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.gauges import Gauge, gauges
from pandabase_django.services.health.readiness import readiness

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["CONTENT_TYPE", "configured_observers", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def configured_observers() -> Sequence[Observer]:
    """Those that the settings ask for and whose library is here."""
    found = (_counting() if conf.metrics else None, _tracing() if conf.traces else None)
    return tuple(one for one in found if one is not None)


def exposition() -> bytes:
    """All numbers in the text format of Prometheus.

    While the database is away, those of the processes are there all the same.

    Raises:
        ImportError: prometheus_client is not installed.
        FileNotFoundError: PROMETHEUS_MULTIPROC_DIR names no folder.
    """
    from prometheus_client import generate_latest

    return generate_latest(_Everything())


class _Everything:
    """What ``generate_latest`` asks."""

    def collect(self) -> Iterator[Metric]:
        from pandabase_django.observing.counting import counted

        yield from counted()
        yield from map(_family, _gauges())


def _gauges() -> list[Gauge]:
    found, works = [], 0
    # One that hangs would hold this thread of the web server for ever.
    if readiness().database:
        with suppress(AnyDatabaseError):
            found, works = list(gauges(Situation())), 1
    return [*found, Gauge("pandabase_database_up", "Whether it answered.", values={"": works})]


def _family(gauge: Gauge) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    labels = [gauge.label] if gauge.label else []
    family = GaugeMetricFamily(gauge.name, gauge.text, labels=labels)
    for label, value in gauge.values.items():
        family.add_metric([label] if labels else [], value)
    return family


@cache
def _counting() -> Observer | None:
    try:
        from pandabase_django.observing.counting import Counting
    except ImportError:
        return None  # a system check says so
    return Counting()


@cache
def _tracing() -> Observer | None:
    try:
        from pandabase_django.observing.tracing import Tracing
    except ImportError:
        return None
    return Tracing()
