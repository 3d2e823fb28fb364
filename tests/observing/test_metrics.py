"""The numbers that Prometheus reads: who may, what they count, what they cost."""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django import observing
from pandabase_django.api.operations import OPERATIONS, PUBLIC_OPERATIONS
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import (
    Customer,
    Order,
    Purchase,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    UsageRecord,
    WebhookDelivery,
)
from pandabase_django.observing.counting import status_label
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync.runs import sync_resource
from tests.admin.rows import row_of
from tests.health.test_many_stores import RESOURCES, stores_in_trouble
from tests.observing.scraping import TOKEN, URL, counting, delta, numbers, scrape

pytestmark = pytest.mark.django_db

NO_MODELS = ("RemoteOutage", "TaskTick", "ErasureKey", "RefusedDeliveries")
MARK = "ada-canary@example.org"


def full_store(name: str, *, mark: str = "x") -> Store:
    """A store with a row in every table, the mark in every text."""
    store = Store.objects.create(pk=name, title=mark)
    for model in apps.get_app_config("pandabase").get_models():
        if model.__name__ not in NO_MODELS:
            row_of(model, store=store, mark=mark)
    return store


@pytest.mark.parametrize(
    "off", [{"METRICS": False}, {"METRICS_TOKEN": ""}, {"METRICS_TOKEN": None}]
)
def test_nothing_is_shown_by_default_or_without_a_token(settings: Any, off: dict[str, Any]) -> None:
    assert Client().get(URL).status_code == 404
    settings.PANDABASE = counting(**off)
    for given in ("", TOKEN):
        answer = Client().get(URL, headers={"Authorization": f"Bearer {given}"})
        assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer ä"]
)
def test_a_stranger_gets_401_and_no_word(
    counted: None, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    full_store("shp_secretive")
    with CaptureQueriesContext(connection) as asked:
        answer = Client().get(URL, headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert (len(asked), caplog.messages) == (0, [])


@pytest.mark.parametrize("slash", ["", "/"])
def test_who_has_the_token_needs_no_login_and_no_cache_keeps_it(
    counted: None, settings: Any, slash: str
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    answer = Client().get(URL + slash, headers={"Authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert Client().post(URL + slash).status_code == 405


def test_requests_are_counted_by_operation_and_status(
    counted: None, sandbox: Sandbox, store: Store, short_backoff: None
) -> None:
    before = numbers()
    sandbox.fault(
        [
            {"match": {"path_regex": "/products$"}, "nth": 1, "action": "status",
             "args": {"status": 503}},
            {"match": {"path_regex": "/products$"}, "nth": 2, "action": "reset"},
        ]
    )  # fmt: skip
    with client_for(store) as client:
        client.products.list()
        with pytest.raises(PandabaseError):
            client.orders.get("ord_nowhere")
    assert delta(before, "pandabase_requests_total") == {
        ("products_list", "503"): 1,
        ("products_list", "none"): 1,
        ("products_list", "200"): 1,
        ("order_get", "404"): 1,
    }
    assert delta(before, "pandabase_request_duration_seconds_count") == {
        ("products_list",): 3,
        ("order_get",): 1,
    }


def test_seconds_that_are_slept_for_a_limit_are_counted(
    counted: None, sandbox: Sandbox, store: Store
) -> None:
    before = numbers()
    args = {"status": 429, "retry_after_seconds": 1}
    sandbox.fault([{"match": {"method": "GET"}, "nth": 1, "action": "status", "args": args}])
    with client_for(store) as client:
        client.products.list()
    ((limit, seconds),) = delta(before, "pandabase_rate_limit_wait_seconds_total").items()
    assert limit[0] in ("address", "store", "token")
    assert 0.5 < seconds < 2.5


def test_nothing_is_counted_unless_the_settings_say_so(
    settings: Any, sandbox: Sandbox, store: Store
) -> None:
    settings.PANDABASE = counting(METRICS=True)
    before = numbers()
    settings.PANDABASE = counting(METRICS=False)
    with client_for(store) as client:
        client.products.list()
    settings.PANDABASE = counting(METRICS=True)
    assert delta(before, "pandabase_requests_total") == {}


def test_every_operation_has_a_name_and_no_caller_can_make_up_another() -> None:
    from pandabase_django.api.operations import Operation, label_of

    every = [*OPERATIONS.values(), *PUBLIC_OPERATIONS.values()]
    assert {label_of(op) for op in every} == {op.name for op in every}
    assert label_of(Operation("ord_canary", "GET", "/x", "")) == "other"


@pytest.mark.parametrize(
    ("status", "label"),
    [(200, "200"), (429, "429"), (418, "4xx"), (599, "5xx"), (999, "9xx"), (0, "none")],
)
def test_a_remote_can_make_up_few_statuses(status: int, label: str) -> None:
    assert status_label(status) == label
    assert len({status_label(status) for status in range(1000)}) < 30


def test_the_database_is_asked_the_same_few_times_for_500_stores(counted: None) -> None:
    def asked() -> tuple[int, set[tuple[str, tuple[str, ...]]]]:
        with CaptureQueriesContext(connection) as queries:
            found = numbers()
        gauges = {
            key for key in found if not re.search(r"_(total|created|bucket|sum|count)$", key[0])
        }
        return len(queries), gauges

    stores_in_trouble(0, 1)
    few, series = asked()
    stores_in_trouble(1, 500)
    many, same = asked()
    assert (many, same) == (few, series)
    assert few <= 14
    assert len(series) < 80
    found = numbers()
    assert found["pandabase_resource_stale_stores", ("orders",)] == 500
    assert found["pandabase_latest_runs", ("failed",)] == 500 * len(RESOURCES)
    assert found["pandabase_resource_lag_seconds", ("orders",)] == pytest.approx(3 * 86_400, abs=60)


@pytest.mark.postgres
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_what_has_ended_is_not_read(counted: None, django_assert_num_queries: Any) -> None:
    """Each query of a table that grows uses an index which holds open rows alone."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        with CaptureQueriesContext(connection) as queries:
            scrape()
        plans = []
        for query in queries.captured_queries:
            if query["sql"].startswith("SELECT"):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    for table in ("webhookdelivery", "purchase", "remoteaction", "usagerecord"):
        about = [plan for plan in plans if f" on pandabase_{table}" in plan]
        assert about
        for plan in about:
            assert "Seq Scan" not in plan, plan
            assert re.search(r"Index.* (using|on) pandabase_", plan), plan


def test_the_gauges_say_how_it_stands(counted: None) -> None:
    store = full_store("shp_one")
    now = timezone.now()
    SyncCursor.objects.all().delete()
    SyncCursor.objects.create(
        store=store, resource="orders", last_completed_at=now - timedelta(minutes=5)
    )
    due = {"state": "PENDING", "next_attempt_at": now - timedelta(minutes=7)}
    WebhookDelivery.objects.update(**due, attempts=2, last_error="It failed.")
    Purchase.objects.update(**due, verdict="MATCHED", attempts=0)
    UsageRecord.objects.update(state="REJECTED")
    RotationAttempt.objects.update(state="LOST", closed_at=None, from_version=1)
    SyncRun.objects.all().delete()
    found = numbers()
    assert found["pandabase_database_up", ()] == 1
    assert found["pandabase_resource_lag_seconds", ("orders",)] == pytest.approx(300, abs=30)
    assert found["pandabase_resource_unread_stores", ("products",)] == 1
    assert found["pandabase_deliveries", ("pending",)] == 1
    assert found["pandabase_deliveries", ("failing",)] == 1
    assert found["pandabase_deliveries", ("dead",)] == 0
    assert found["pandabase_purchases", ("failing",)] == 0
    assert found["pandabase_purchases", ("pending",)] == 1
    assert found["pandabase_usage_records", ("rejected",)] == 1
    assert found["pandabase_rotations", ("lost",)] == 1
    assert found["pandabase_rotations", ("watching",)] == 0
    for queue in ("deliveries", "purchases"):
        assert found["pandabase_queue_age_seconds", (queue,)] == pytest.approx(420, abs=30)
    assert found["pandabase_queue_age_seconds", ("usage",)] == 0


def test_a_disabled_store_lags_behind_nothing(counted: None) -> None:
    Store.objects.create(pk="shp_off", enabled=False)
    assert not [key for key in numbers() if key[0].startswith("pandabase_resource_")]


def test_while_the_database_is_away_the_counters_are_there(
    counted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pandabase_django.observing.counting import Counting

    Counting().delivery_ends("DEAD")

    def fail(*_: Any) -> Any:
        raise DatabaseError("gone")

    with connection.execute_wrapper(fail):
        found = numbers()
    assert found["pandabase_database_up", ()] == 0
    assert found["pandabase_deliveries_ended_total", ("DEAD",)] >= 1
    assert ("pandabase_deliveries", ("dead",)) not in found


def test_no_secret_no_person_and_no_id_is_in_a_label(
    counted: None, sandbox: Sandbox, store: Store
) -> None:
    full_store("shp_canary", mark=MARK)
    for resource in ("products", "orders", "customers"):
        sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
    with client_for(store) as client:
        for order in Order.objects.filter(store=store):
            client.orders.get(order.pk)
    text = scrape()
    ids = {row.pk for row in Order.objects.all()} | {row.pk for row in Customer.objects.all()}
    seeded = {
        MARK,
        "shp_canary",
        store.pk,
        TOKEN,
        sandbox.hmac_token.secret,
        sandbox.hmac_token.token_id,
        *ids,
        *(customer.email for customer in Customer.objects.all()),
    }
    assert len(seeded) > 30
    assert [one for one in seeded if one and str(one) in text] == []
    assert "@" not in text
    assert not re.search(r"(ord|shp|sub|cus|evt|prd|sk|tok)_", text)


def test_labels_take_few_values(counted: None, sandbox: Sandbox, store: Store) -> None:
    """However many orders are read, a series is not added."""
    with client_for(store) as client:
        orders = [order.id for order in client.orders.iterate()]
        client.orders.get(orders[0])
        before = Counter(name for name, _ in numbers())
        for order in orders[1:]:
            client.orders.get(order)
        assert Counter(name for name, _ in numbers()) == before


def test_a_folder_that_is_gone_is_503_and_named(
    counted: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    answer = Client().get(URL, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503
    assert caplog.messages == ["PROMETHEUS_MULTIPROC_DIR names no folder."]


def test_without_the_libraries_a_check_says_so_and_the_rest_works(
    settings: Any, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pandabase_django.services.health import metrics, system

    for name in [
        one for one in sys.modules if one.startswith(("prometheus_client", "opentelemetry"))
    ]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("counting", "tracing"):
        monkeypatch.delitem(sys.modules, f"pandabase_django.observing.{name}", raising=False)
        monkeypatch.delattr(observing, name, raising=False)
    for name in ("prometheus_client", "opentelemetry"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(system, "find_spec", lambda name: None)
    metrics._counting.cache_clear()
    metrics._tracing.cache_clear()
    settings.PANDABASE = counting(TRACES=True)
    try:
        found = [message for message in run_checks() if message.id == "pandabase.E025"]
        assert [message.hint for message in found] == [
            "pip install pandabase-django[metrics]",
            "pip install pandabase-django[traces]",
        ]
        with client_for(store) as client:
            assert client.products.list().items
        assert Client().get(URL, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 503
    finally:
        metrics._counting.cache_clear()
        metrics._tracing.cache_clear()


@pytest.mark.parametrize(
    "given", ["short", "with space in the middle", 12345678901234567890, "ü" * 20]
)
def test_a_token_that_is_guessed_or_fits_no_header_is_refused(settings: Any, given: Any) -> None:
    settings.PANDABASE = counting(METRICS_TOKEN=given)
    (error,) = [message for message in run_checks() if message.id == "pandabase.E001"]
    assert "METRICS_TOKEN" in error.msg
    assert str(given) not in error.msg


def test_a_token_without_metrics_is_named(settings: Any) -> None:
    settings.PANDABASE = counting(METRICS=False)
    assert "pandabase.W026" in [message.id for message in run_checks()]
