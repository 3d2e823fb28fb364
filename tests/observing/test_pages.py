"""What the page on metrics says is so."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from django.test import override_settings

from pandabase_django.conf import conf
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.observing.counting import counted
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.gauges import gauges
from pandabase_django.services.health.system import check_settings
from tests.docs.pages import ROOT, blocks

PAGE = (ROOT / "docs/how-to/metrics.md").read_text("utf-8")
BLOCKS = blocks("docs/how-to/metrics.md")
NAME = re.compile(r"\bpandabase_[a-z_]+")


def names() -> dict[str, set[str]]:
    """Each metric as Prometheus calls it, with its labels."""
    found = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: metric
        for metric in counted()
    }
    from pandabase_django.observing import counting

    own = {
        name: set(metric._labelnames)
        for metric in vars(counting).values()
        if hasattr(metric, "_labelnames")
        for name in found
        if name.removesuffix("_total") == metric._name
    }
    assert own.keys() == found.keys()
    asked = {gauge.name: {gauge.label} if gauge.label else set() for gauge in gauges(Situation())}
    return {**own, **asked, "pandabase_database_up": set()}


@pytest.mark.django_db
def test_the_page_has_every_metric_with_its_labels() -> None:
    rows = re.findall(r"^\| `(pandabase_\w+)` \| (.*?) ?\|", PAGE, re.M)
    shown = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert len(shown) == len(rows) > 15
    assert shown == names()


@pytest.mark.django_db
def test_the_alerts_ask_for_metrics_that_exist() -> None:
    asked = {name for line in re.findall(r"expr: (.*)", PAGE) for name in NAME.findall(line)}
    assert len(asked) > 5
    assert asked <= names().keys()


def test_the_settings_of_the_page_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDABASE_ENCRYPTION_KEY", generate_key())
    monkeypatch.setenv("PANDABASE_METRICS_TOKEN", "0123456789abcdef" * 3)
    given: dict[str, Any] = {"os": os}
    exec(BLOCKS[0], given)
    with override_settings(PANDABASE=given["PANDABASE"]):
        assert [found for found in check_settings(None) if found.is_serious()] == []
        assert conf.metrics
        assert conf.metrics_token


def test_the_page_has_every_attribute_of_a_span() -> None:
    code = (ROOT / "pandabase_django/observing/tracing.py").read_text("utf-8")
    written = set(re.findall(r'"([a-z]+\.[a-z_.]+)"', code))
    section = PAGE.partition("## OpenTelemetry")[2]
    rows = "".join(re.findall(r"^\| (.*?) \|", section, re.M))
    assert len(written) > 5
    assert set(re.findall(r"`([\w.]+)`", rows)) == written
