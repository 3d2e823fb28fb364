"""The dashboard for Grafana asks for what there is, and for all of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.observing.test_pages import NAME, ROOT, names

DASHBOARD = json.loads((ROOT / "docs/dashboards/pandabase.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
# What PromQL itself has in braces, brackets and "by".
SELECTOR = re.compile(r"(pandabase_\w+)\{([^}]*)\}")


@pytest.mark.django_db
def test_each_metric_is_shown_and_each_shown_one_exists() -> None:
    asked = {name.removesuffix("_bucket") for query in QUERIES for name in NAME.findall(query)}
    assert asked == names().keys()


@pytest.mark.django_db
def test_queries_group_and_choose_by_labels_that_exist() -> None:
    known = names()
    for query in QUERIES:
        selected = SELECTOR.findall(query)
        assert selected, query
        labels = {"le"} if "_bucket" in query else set()
        for name, given in selected:
            own = known[name.removesuffix("_bucket")]
            assert set(re.findall(r"(\w+)(?:=~|!~|=|!=)", given)) - {"job"} <= own, query
            labels |= own
        grouped = {label for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(", ")}
        assert grouped <= labels, query


def test_legends_name_labels_that_the_query_keeps() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            kept = {
                one
                for by in re.findall(r"by \(([^)]*)\)", target["expr"])
                for one in by.split(", ")
            }
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, target


def test_the_file_is_one_that_grafana_imports() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("Pandabase", "pandabase-django")
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "job"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["datasource"] for target in panel["targets"]] == [panel["datasource"]] * len(
            panel["targets"]
        )


def test_no_two_panels_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + dx, place["y"] + dy)
            for dx in range(place["w"])
            for dy in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
