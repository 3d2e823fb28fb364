"""Reads the address for Prometheus as Prometheus does."""

from __future__ import annotations

from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["TOKEN", "URL", "counting", "delta", "numbers", "scrape"]

URL = "/pandabase/metrics"
TOKEN = "a-token-of-sixteen-signs-or-more"

Numbers = dict[tuple[str, tuple[str, ...]], float]


def counting(**given: Any) -> dict[str, Any]:
    """The settings of a shop that counts."""
    from django.conf import settings

    return {**settings.PANDABASE, "METRICS": True, "METRICS_TOKEN": TOKEN, **given}


def scrape() -> str:
    """What a monitor with the token reads."""
    answer = Client().get(URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.content.decode()


def numbers(text: str | None = None) -> Numbers:
    """Each series: its name and the values of its labels, by the labels' names."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(scrape() if text is None else text)
        for sample in family.samples
    }


def delta(before: Numbers, name: str) -> dict[tuple[str, ...], float]:
    """How much the counters of a name have grown since, those that did not left out."""
    return {
        labels: value - before.get((found, labels), 0.0)
        for (found, labels), value in numbers().items()
        if found == name and value != before.get((found, labels), 0.0)
    }
