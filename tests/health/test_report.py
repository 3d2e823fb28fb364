"""What needs attention is found, and each finding leads to where it is put right."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    RequestLog,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    TaskTick,
    TokenPermission,
)
from pandabase_django.services.health.checklist import setup
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.freshness import freshness
from pandabase_django.services.health.report import attention, rows_are_fresh
from pandabase_django.services.tokens.permissions import missing_permissions
from pandabase_django.tasks import broker_problem, enqueue, reap_stalled_runs
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _now() -> None:
    """The suite may take longer than a run may be silent."""
    global NOW
    NOW = timezone.now()


def make_store(number: int = 1) -> ApiToken:
    store = Store.objects.create(pk=f"shp_{number}", title=f"Shop {number}")
    for resource in ("products", "orders"):
        SyncCursor.objects.create(
            store=store,
            resource=resource,
            first_completed_at=NOW,
            last_completed_at=NOW,
        )
    return ApiToken.objects.create(
        store=store,
        name="Main",
        mode="BEARER",
        base_url="https://api.pandabase.io",
        secret=Secret("sk_test_of_the_checks_0001"),
        role="ACTIVE",
        health="OK",
    )


def run(**values: Any) -> SyncRun:
    defaults = {"store_id": "shp_1", "resource": "orders", "trigger": "SCHEDULE"}
    return SyncRun.objects.create(**{**defaults, "started_at": NOW, "heartbeat_at": NOW, **values})


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings if not finding.code.startswith("pandabase.")]


def test_a_shop_in_order_needs_nothing() -> None:
    make_store()
    run(state="COMPLETED")
    reap_stalled_runs()
    assert codes(attention(Situation())) == []


def suspect() -> None:
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")


def retired() -> None:
    ApiToken.objects.update(role="RETIRED")


def denied() -> None:
    TokenPermission.objects.create(
        token=ApiToken.objects.get(), code="ORDERS_READ", observed="DENIED"
    )


def undeclared() -> None:
    for code in ("PRODUCTS_READ", "ORDERS_READ", "CATEGORIES_READ", "REFUNDS_READ"):
        TokenPermission.objects.create(token=ApiToken.objects.get(), code=code, declared=True)


def stale() -> None:
    SyncCursor.objects.filter(resource="orders").update(last_completed_at=NOW - timedelta(hours=3))


def silent_beat() -> None:
    TaskTick.objects.create(task="pandabase.sync_all", at=NOW - timedelta(hours=3))


@pytest.mark.parametrize(
    ("spoil", "code", "level", "words"),
    [
        (suspect, "token_suspect", Level.ERROR, "HTTP 401"),
        (retired, "no_active_token", Level.ERROR, "Shop 1"),
        (denied, "permission_missing", Level.WARNING, "ORDERS_READ"),
        (undeclared, "permission_missing", Level.NOTE, "DISPUTES_READ"),
        (stale, "resource_stale", Level.WARNING, "orders of Shop 1"),
        (silent_beat, "beat_silent", Level.WARNING, "3"),
        (lambda: run(state="FAILED", error="no route"), "run_failed", Level.ERROR, "no route"),
        (lambda: run(state="STALLED"), "run_stalled", Level.WARNING, "Shop 1"),
        (
            lambda: run(state="RUNNING", heartbeat_at=NOW - timedelta(hours=1)),
            "run_stalled",
            Level.WARNING,
            "Orders",
        ),
        (lambda: run(state="PARTIAL"), "run_partial", Level.WARNING, "of Orders of Shop 1 left"),
        (lambda: run(state="COMPLETED", attention="11 %"), "run_attention", Level.WARNING, "11 %"),
    ],
)
def test_what_is_wrong_is_found(
    spoil: Callable[[], Any], code: str, level: Level, words: str
) -> None:
    make_store()
    spoil()
    (finding,) = [f for f in attention(Situation()) if f.code == code]
    assert finding.level is level
    assert words in finding.sentence
    assert finding.fix
    if finding.url_name:
        assert reverse(f"admin:{finding.url_name}", args=[quote(a) for a in finding.url_args])


def test_a_permission_without_which_rows_are_missing_is_told_once() -> None:
    token = make_store()
    run(resource="products", state="PARTIAL")
    assert codes(attention(Situation())) == ["run_partial"]
    TokenPermission.objects.create(token=token, code="CATEGORIES_READ", observed="DENIED")
    (finding,) = [f for f in attention(Situation()) if not f.code.startswith("pandabase.")]
    assert (finding.code, finding.level) == ("permission_missing", Level.WARNING)
    assert "CATEGORIES_READ" in finding.sentence


def test_a_failure_that_was_followed_by_a_good_run_is_history() -> None:
    make_store()
    run(state="FAILED", error="no route")
    run(state="COMPLETED")
    assert "run_failed" not in codes(attention(Situation()))


@pytest.mark.parametrize("state", ["RUNNING", "CANCELLED", "POSTPONED"])
@pytest.mark.parametrize(
    ("before", "code"),
    [
        ({"state": "PARTIAL", "attention": "1 of 251 rows"}, "run_partial"),
        ({"state": "COMPLETED", "attention": "11 %"}, "run_attention"),
        ({"state": "FAILED", "error": "no route"}, "run_failed"),
    ],
)
def test_a_run_that_has_not_come_to_its_end_hides_nothing_of_the_one_before(
    state: str, before: dict[str, str], code: str
) -> None:
    make_store()
    run(**before)
    newest = run(state=state)
    assert codes(attention(Situation())) == [code]
    SyncRun.objects.filter(pk=newest.pk).update(state="COMPLETED")
    assert codes(attention(Situation())) == []


def test_a_run_that_stopped_is_not_told_while_the_next_goes_on() -> None:
    make_store()
    run(state="STALLED")
    run(state="RUNNING")
    assert codes(attention(Situation())) == []


def test_a_run_that_goes_on_by_itself_needs_nobody() -> None:
    make_store()
    run(state="POSTPONED", error="The rate limit is exhausted for 400 more seconds.")
    assert codes(attention(Situation())) == []


def test_a_run_that_was_to_go_on_and_did_not_is_told() -> None:
    make_store()
    put_back = run(state="POSTPONED", waiting_until=timezone.now() - timedelta(minutes=2))
    assert codes(attention(Situation())) == []
    SyncRun.objects.filter(pk=put_back.pk).update(
        waiting_until=timezone.now() - timedelta(minutes=6)
    )
    (finding,) = [f for f in attention(Situation()) if not f.code.startswith("pandabase.")]
    assert (finding.code, finding.level) == ("run_stalled", Level.WARNING)
    assert "was to go on by itself" in finding.sentence


def test_a_postponed_run_hides_no_failure_before_it() -> None:
    make_store()
    failed = run(state="FAILED", error="The rate limit is exhausted for 400 more seconds.")
    for _ in range(2):
        run(state="POSTPONED", waiting_until=timezone.now() + timedelta(minutes=6))
    (finding,) = [f for f in attention(Situation()) if not f.code.startswith("pandabase.")]
    assert (finding.code, finding.url_args) == ("run_failed", (str(failed.pk),))
    run(state="COMPLETED")
    run(state="POSTPONED", waiting_until=timezone.now() + timedelta(minutes=6))
    assert codes(attention(Situation())) == []


def test_a_store_that_is_switched_off_is_left_in_peace() -> None:
    make_store()
    stale()
    retired()
    Store.objects.update(enabled=False)
    assert codes(attention(Situation())) == []


def test_only_the_stores_asked_for_are_told_of() -> None:
    make_store(1)
    make_store(2)
    suspect()
    found = attention(Situation(stores=Store.objects.filter(pk="shp_2")))
    assert {f.store_id for f in found if f.code == "token_suspect"} == {"shp_2"}


def test_a_call_that_was_allowed_outweighs_a_missing_declaration() -> None:
    token = make_store()
    undeclared()
    TokenPermission.objects.create(token=token, code="DISPUTES_READ", observed="GRANTED")
    assert missing_permissions(token) == []


def test_the_queries_do_not_grow_with_the_stores() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            attention(Situation())
        return len(captured)

    make_store(1)
    few = queries()
    for number in range(2, 12):
        make_store(number)
    assert queries() == few
    assert few <= 17


def test_freshness_tells_the_next_look_and_staleness() -> None:
    make_store()
    TaskTick.objects.create(task="pandabase.sync_all", at=NOW)
    stale()
    by_resource = {item.resource: item for item in freshness(Situation())}
    assert by_resource["products"].next_at == NOW + timedelta(minutes=10)
    assert not by_resource["products"].stale
    assert by_resource["orders"].stale


def test_what_is_read_some_times_a_day_is_shown_once_it_was_read() -> None:
    token = make_store()

    def cursor(resource: str, *, hours: int) -> None:
        at = NOW - timedelta(hours=hours)
        times = {"first_completed_at": at, "last_completed_at": at}
        SyncCursor.objects.create(store_id=token.store_id, resource=resource, **times)

    TaskTick.objects.create(task="pandabase.sync_seldom", at=NOW)
    cursor("customers", hours=7)
    cursor("ledger", hours=19)
    cursor("payouts", hours=19)
    SyncRun.objects.create(
        store_id=token.store_id,
        resource="payouts",
        state="SKIPPED",
        trigger="SCHEDULE",
        started_at=NOW,
        heartbeat_at=NOW,
    )
    found = {item.resource: item for item in freshness(Situation())}
    assert set(found) == {"products", "orders", "customers", "ledger"}
    assert found["customers"].next_at == NOW + timedelta(hours=6)
    assert (found["customers"].stale, found["ledger"].stale) == (False, True)
    assert "ledger" in " ".join(finding.sentence for finding in rows_are_fresh(Situation()))


def test_the_checklist_names_the_first_thing_to_do(settings: Any) -> None:
    def state(code: str) -> Level:
        return next(step.level for step in setup(Situation(broker=lambda: "")) if step.code == code)

    assert state("keys") is Level.OK
    assert state("migrations") is Level.OK
    assert state("broker") is Level.OK
    assert state("token") is Level.WARNING
    token = make_store()
    assert state("token") is Level.OK
    ApiToken.objects.update(health="UNTESTED")
    assert state("token") is Level.WARNING
    assert state("first_sync") is Level.OK
    SyncCursor.objects.filter(store=token.store_id, resource="orders").delete()
    assert state("first_sync") is Level.WARNING
    assert state("beat") is Level.NOTE
    reap_stalled_runs()
    assert state("beat") is Level.OK
    settings.ROOT_URLCONF = "tests.health.without_webhooks"
    assert state("webhooks") is Level.NOTE
    settings.ROOT_URLCONF = "tests.health.with_webhooks"
    assert state("webhooks") is Level.OK
    settings.PANDABASE = {}
    assert state("keys") is Level.ERROR


def test_a_broker_is_asked_once_and_its_password_is_not_told() -> None:
    with broker_at("redis://user:hunter2@127.0.0.1:9/0"):
        problem = broker_problem()
    assert "127.0.0.1:9" in problem
    assert "hunter2" not in problem
    with broker_at("memory://"):
        assert broker_problem() == ""


def test_a_missing_module_of_the_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kombu.transport.redis", None)
    monkeypatch.setattr("kombu.transport._transport_cache", {})
    with broker_at("redis://127.0.0.1:9/0"):
        problem = broker_problem()
        assert not enqueue(reap_stalled_runs)
    assert "kombu.transport.redis" in problem
    assert "pandabase-django[redis]" in problem


@pytest.mark.parametrize(
    ("state", "level"),
    [("WATCHING", Level.WARNING), ("HELD", Level.ERROR), ("LOST", Level.ERROR), ("SENT", None)],
)
def test_a_rotation_that_needs_a_person_is_told(state: str, level: Level | None) -> None:
    attempt = RotationAttempt.objects.create(
        token=make_store(), state=state, trigger="ADMIN", from_version=1, prepared_at=NOW
    )
    found = [f for f in attention(Situation()) if f.code.startswith("rotation_")]
    assert [f.level for f in found] == ([level] if level else [])
    for finding in found:
        assert finding.url_args == (str(attempt.pk),)
        assert "Main" in finding.sentence


def test_calls_from_new_addresses_are_told_for_a_week() -> None:
    make_store()
    for number, (days, ip) in enumerate([(1, "192.0.2.1"), (2, "192.0.2.1"), (9, "192.0.2.2")]):
        RequestLog.objects.create(
            id=f"log_{number}",
            store_id="shp_1",
            ip=ip,
            ip_is_new=True,
            logged_at=NOW - timedelta(days=days),
            synced_at=NOW,
        )
    (finding,) = [f for f in attention(Situation()) if f.code == "address_new"]
    assert "Shop 1 was called from 1 address never seen before (2 calls" in finding.sentence
    assert reverse(f"admin:{finding.url_name}")
    RequestLog.objects.update(ip_is_new=False)
    assert "address_new" not in codes(attention(Situation()))


def test_a_long_request_log_that_is_read_in_parts_needs_nobody() -> None:
    make_store()
    SyncCursor.objects.create(store_id="shp_1", resource="request_logs")
    run(resource="request_logs", state="PARTIAL", attention="The log is longer than 500 pages.")
    assert codes(attention(Situation())) == []


def test_an_entry_of_the_request_log_that_was_left_out_is_told() -> None:
    make_store()
    SyncCursor.objects.create(store_id="shp_1", resource="request_logs")
    run(resource="request_logs", state="PARTIAL", warning_count=1)
    assert codes(attention(Situation())) == ["run_partial"]
