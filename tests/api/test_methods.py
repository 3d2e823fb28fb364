"""Each operation of the Store API has a method, and the method sends it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import responses

from pandabase_django.api import params, schemas
from pandabase_django.api.operations import OPERATIONS
from pandabase_django.api.resources.base import Namespace
from pandabase_django.api.schemas.declared import paths_of
from pandabase_django.exceptions import ProtocolError
from tests.api.operations import ANSWER, arguments_of, methods_of
from tests.api.wire.sending import BASE, URL, client
from tests.facts.store_api import FACTS, shape

ROOT = Path(__file__).resolve().parents[2]
ANYWHERE = re.compile(rf"{BASE}/.*")
CORE = {name: op for name, op in OPERATIONS.items() if op.path.startswith("/v2/core/")}


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def asked(name: str, method: Any, **more: Any) -> tuple[str, str]:
    """What a method sends: the HTTP method and the shape of the path."""
    with responses.RequestsMock() as mock:
        for verb in ("GET", "POST", "PATCH", "DELETE"):
            mock.add(verb, url=ANYWHERE, json={"ok": True, "data": ANSWER})
        mock.assert_all_requests_are_fired = False
        positional, named = arguments_of(name, method)
        answer = method(*positional, **named, **more)
        if inspect.isgenerator(answer):
            list(answer)
        (call,) = mock.calls
        return str(call.request.method), str(call.request.url).partition("?")[0]


def test_each_of_the_71_operations_has_a_method() -> None:
    by_request = {
        (op.method, op.fill({"store_id": "shp_1", **dict.fromkeys(_ids(op.path), "x")})): name
        for name, op in CORE.items()
    }
    sent: dict[str, list[str]] = {}
    for name, method in methods_of(client(), Namespace):
        verb, url = asked(name, method)
        path = url.removeprefix(BASE).replace("/csv", "/x")
        for one in ("x_1", "x_2", "x_3", "x_4"):
            path = path.replace(one, "x")
        found = by_request.get((verb, path), f"{verb} {path}")
        sent.setdefault(found, []).append(name)
    of_tokens = sent.pop("GET /v2/stores/shp_1/api-logs")
    assert of_tokens == ["request_logs.iterate", "request_logs.list", "request_logs.pages"]
    assert sent.keys() == CORE.keys()
    several = {name: found for name, found in sent.items() if len(found) > 1}
    # Lists with pages have three.
    assert {len(found) for found in several.values()} == {3}
    assert sent["order_refund"] == ["orders.refund"]
    assert sent["products_list"] == ["products.iterate", "products.list", "products.pages"]


def _ids(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)[1:]


def test_ids_stand_where_the_path_has_them() -> None:
    opened = client()
    assert asked("", lambda: opened.meters.get("prd_1", "umt_1")) == (
        "GET",
        f"{BASE}/v2/core/stores/shp_1/products/prd_1/meters/umt_1",
    )
    assert asked("", lambda: opened.reports.download("rpt_1", "json")) == (
        "GET",
        f"{BASE}/v2/core/stores/shp_1/reports/rpt_1/download/json",
    )


def test_a_write_takes_a_key_and_everything_takes_a_time_out() -> None:
    lacking = []
    for name, method in methods_of(client(), Namespace):
        taken = inspect.signature(method).parameters
        verb, _ = asked(name, method)
        if ("idempotency_key" in taken) != (verb != "GET") or "timeout" not in taken:
            lacking.append(name)
    assert lacking == []


def test_a_body_that_may_be_left_out_is_an_empty_object(remote: responses.RequestsMock) -> None:
    url = URL.replace("products", "refunds/orders/ord_1")
    remote.post(url, json={"ok": True, "data": {"id": "rfd_1", "amount": 2900}})
    refund = client().orders.refund("ord_1", idempotency_key="12345678")
    assert refund.amount_minor == 2900
    (call,) = remote.calls
    assert call.request.body == b"{}"
    assert call.request.headers["Idempotency-Key"] == "12345678"


def test_filters_that_are_words_of_python_end_in_an_underscore(
    remote: responses.RequestsMock,
) -> None:
    data = {"items": [], "pagination": {"page": 1, "limit": 5, "total": 0, "totalPages": 0}}
    remote.get(URL.replace("products", "usage"), json={"ok": True, "data": data})
    client().usage.list(subscription_id="sub_1", from_="2026-01-01T00:00:00.000Z", limit=5)
    (call,) = remote.calls
    assert call.request.params == {
        "subscription_id": "sub_1",
        "from": "2026-01-01T00:00:00.000Z",
        "page": "1",
        "limit": "5",
    }


def test_analytics_take_filters_and_read_what_is_nested(remote: responses.RequestsMock) -> None:
    url = URL.replace("products", "analytics/gross-volume")
    series = [{"date": "2026-05-10", "amount": 35400}, {"date": "2026-05-11", "amount": "x"}]
    remote.get(url, json={"ok": True, "data": {"series": series}})
    found = client().analytics.gross_volume(period="7d", granularity="day")
    assert [(one.date, one.amount_minor) for one in found.series or ()] == [
        ("2026-05-10", 35400),
        ("2026-05-11", None),
    ]
    (call,) = remote.calls
    assert call.request.params == {"period": "7d", "granularity": "day"}


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_list_without_pages_may_be_bare(remote: responses.RequestsMock, wrapped: bool) -> None:
    meters = [{"id": "umt_1", "unitPrice": 300}, {"id": "umt_2"}]
    data = {"items": meters} if wrapped else meters
    remote.get(f"{URL}/prd_1/meters", json={"ok": True, "data": data})
    found = client().meters.list("prd_1")
    assert [(one.id, one.unit_price_minor) for one in found] == [("umt_1", 300), ("umt_2", None)]


def test_a_list_without_pages_that_is_none_is_said(remote: responses.RequestsMock) -> None:
    remote.get(f"{URL}/prd_1/meters", json={"ok": True, "data": {"id": "x"}})
    with pytest.raises(ProtocolError, match="no list"):
        client().meters.list("prd_1")


def test_a_long_message_of_a_case_is_read_whole() -> None:
    found = schemas.CaseMessage.from_json({"id": "cmsg_1", "body": "x" * 4000, "new": 1})
    assert (len(found.body or ""), found.warnings) == (4000, ())


def test_the_address_of_a_report_is_in_no_repr() -> None:
    url = "https://cdn.pandabase.io/r.csv?X-Amz-Signature=abc"
    found = schemas.ReportDownload.from_json({"url": url})
    assert found.url == url
    assert "abc" not in repr(found)


READERS = [
    schemas.BankAccount,
    schemas.Case,
    schemas.CaseMessage,
    schemas.CountrySales,
    schemas.Fulfilment,
    schemas.GrossVolume,
    schemas.Meter,
    schemas.Overview,
    schemas.Payment,
    schemas.Report,
    schemas.ReportDownload,
    schemas.SubscriptionUsage,
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.parametrize("odd", [[], {}, "x", 1.5, True, None, 2**70], ids=repr)
def test_a_reader_takes_any_value_and_keeps_the_payload(reader: Any, odd: Any) -> None:
    first = {path.partition(".")[0] for paths in paths_of(reader).values() for path in paths}
    data = {**dict.fromkeys(first, odd), "unheard_of": odd, "id": "x_1"}
    assert reader.from_json(data).payload == data


def test_bodies_have_the_fields_of_the_facts() -> None:
    bodies = {(fact.method, fact.path): fact.body for fact in FACTS if fact.method != "GET"}
    wrong = {}
    for name, op in CORE.items():
        if op.method == "GET":
            continue
        known = bodies[op.method, shape(op.path.removeprefix("/v2/core/stores/{store_id}"))]
        typed: Any = getattr(params, f"{camel(name)}Body", None)
        fields = set(typed.__annotations__) if typed else set()
        if fields != set(known):
            wrong[name] = fields ^ set(known)
    assert wrong == {}


def test_filters_and_queries_have_the_names_of_the_table() -> None:
    wrong = {}
    for name, op in CORE.items():
        typed: Any = getattr(params, f"{camel(name)}Query", None)
        if (set(typed.__annotations__) if typed else set()) != op.query:
            wrong[name] = op.query
    assert wrong == {}


@pytest.mark.skipif(
    not Path(sys.executable).with_name("ruff").exists(),
    reason="what is written is formatted by Ruff",
)
def test_the_methods_are_what_the_generator_writes() -> None:
    command = [sys.executable, ".ci/methods.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
