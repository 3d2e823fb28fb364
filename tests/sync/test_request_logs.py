"""The remote's request log is kept: once, resumably, and without taking a gap for known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone as django_timezone

from pandabase_django import tasks
from pandabase_django.models import ApiToken, RequestLog, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync import request_logs
from pandabase_django.services.sync.request_logs import prune_request_logs
from tests.brokers import broker_at
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db

LOG = Resource.REQUEST_LOGS
LOG_PATH = {"path_regex": "api-logs"}
NOW = datetime.now(timezone.utc)


def make_requests(store: Store, count: int) -> None:
    with client_for(store) as client:
        for _ in range(count):
            client.products.list(limit=1)


def entry(number: int, *, ip: str = "203.0.113.7", **changes: Any) -> dict[str, Any]:
    at = NOW - timedelta(minutes=number)
    return {
        "id": f"log_{number}",
        "method": "GET",
        "path": f"/v2/{number}",
        "statusCode": 200,
        "responseTime": 3,
        "ipAddress": ip,
        "createdAt": at.isoformat(),
        **changes,
    }


def ids_at(sandbox: Sandbox) -> set[str]:
    """Ids of all entries of the remote's log."""
    return {f"log_{request['seq']:024d}" for request in sandbox.requests()}


def kept_ids() -> set[str]:
    return set(RequestLog.objects.values_list("pk", flat=True))


@pytest.fixture
def answer(sandbox: Sandbox) -> Callable[..., None]:
    """Makes the remote's log hold these entries, all on one page."""

    def put(*entries: dict[str, Any]) -> None:
        sandbox.clear_faults()
        values = {
            "data.items": list(entries),
            "data.pagination": {"page": 1, "limit": 100, "total": len(entries), "totalPages": 1},
        }
        sandbox.fault(
            [{"match": LOG_PATH, "times": 0, "action": "edit_body", "args": {"set": values}}]
        )

    return put


@pytest.mark.fact(18)
def test_every_request_is_kept_once_however_often_it_is_fetched(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    make_requests(store, 130)
    before = ids_at(sandbox)
    first = sync(LOG).run
    assert first.state == "COMPLETED", first.error
    assert before <= kept_ids()
    again = sync(LOG).run
    assert (again.state, again.requests) == ("COMPLETED", 2)  # the news, and a page it knows
    assert 1 <= again.rows_created <= 5
    newest = RequestLog.objects.order_by("-logged_at")[0]
    assert (newest.method, newest.status_code, newest.ip) == ("GET", 200, "127.0.0.1")
    assert "api-logs" in newest.path
    assert newest.duration_ms is not None


def test_a_fetch_that_was_broken_off_goes_on_and_leaves_no_gap(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    make_requests(store, 350)
    sandbox.fault(
        [
            {
                "match": {**LOG_PATH, "query": {"page": 3}},
                "times": 1,
                "action": "status",
                "args": {"status": 400},
            }
        ]
    )
    assert sync(LOG).run.state == "FAILED"
    assert 0 < RequestLog.objects.count() <= 200
    make_requests(store, 150)
    assert sync(LOG).run.state == "COMPLETED"
    logged = ids_at(sandbox)
    sync(LOG)
    assert logged <= kept_ids()


def test_a_long_log_is_read_in_several_runs(
    sandbox: Sandbox, store: Store, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_requests(store, 420)
    monkeypatch.setattr(request_logs, "MAX_PAGES", 2)
    assert [sync(LOG).run.state for _ in range(3)] == ["PARTIAL", "PARTIAL", "COMPLETED"]
    logged = ids_at(sandbox)
    sync(LOG)
    assert logged <= kept_ids()


def test_entries_of_one_moment_are_no_reason_to_read_on(sandbox: Sandbox, sync: Sync) -> None:
    at = NOW.isoformat()
    for number in (1, 2, 3):
        values = {
            "data.items": [entry(10 * number + n, createdAt=at) for n in range(2)],
            "data.pagination": {"page": number, "limit": 2, "total": 6, "totalPages": 3},
        }
        match = {**LOG_PATH, "query": {"page": number}}
        sandbox.fault(
            [{"match": match, "times": 0, "action": "edit_body", "args": {"set": values}}]
        )
    assert (sync(LOG).run.requests, RequestLog.objects.count()) == (3, 6)
    sync(LOG)  # the first page was stored by the last complete pass
    assert sync(LOG).run.requests == 1


def test_a_log_that_is_listed_oldest_first_is_read_to_its_end(
    sandbox: Sandbox, store: Store, sync: Sync, answer: Callable[..., None]
) -> None:
    answer(entry(3), entry(2))
    sync(LOG)
    # A page that is known, and behind it one that is not.
    pagination = {"page": 1, "limit": 100, "total": 3, "totalPages": 2}
    pages = {1: [entry(3), entry(2)], 2: [entry(1)]}
    sandbox.clear_faults()
    for number, items in pages.items():
        match = {**LOG_PATH, "query": {"page": number}}
        values = {"data.items": items, "data.pagination": {**pagination, "page": number}}
        rule = {"match": match, "times": 0, "action": "edit_body", "args": {"set": values}}
        sandbox.fault([rule])
    sync(LOG)
    assert kept_ids() == {"log_1", "log_2", "log_3"}


def test_calls_from_addresses_never_seen_before_are_marked(
    store: Store, sync: Sync, answer: Callable[..., None]
) -> None:
    answer(entry(9), entry(10, ip="198.51.100.1"))
    sync(LOG)
    assert not RequestLog.objects.filter(ip_is_new=True).exists()  # the first fetch is the measure
    attacker = "192.0.2.66"
    answer(entry(6, ip=attacker), entry(7, ip=attacker), entry(8), entry(9))
    sync(LOG)
    answer(entry(5, ip=attacker), entry(6, ip=attacker), entry(4, ipAddress=None))
    sync(LOG)
    marked = RequestLog.objects.filter(ip_is_new=True).values_list("pk", flat=True)
    assert set(marked) == {"log_6", "log_7"}


def test_entries_without_an_id_are_kept_once_by_their_content(
    store: Store, sync: Sync, answer: Callable[..., None]
) -> None:
    plain = [{**entry(n), "id": None} for n in (1, 2, 2)]
    answer(*plain)
    sync(LOG)
    sync(LOG)
    assert RequestLog.objects.count() == 2


def test_an_id_that_another_store_has_as_well_hides_nothing(
    store: Store, sync: Sync, answer: Callable[..., None]
) -> None:
    other = Store.objects.create(id="shp_other")
    RequestLog.objects.create(id="log_1", store=other, synced_at=NOW)
    answer(entry(1))
    for _ in range(2):
        sync(LOG)
    assert RequestLog.objects.filter(store=store).count() == 1
    assert RequestLog.objects.get(pk="log_1").store == other


def test_a_credential_in_the_remotes_log_is_not_kept(
    store: Store, sync: Sync, answer: Callable[..., None]
) -> None:
    answer(entry(1, headers={"X-Signature": "cd" * 32}, path="/v2?k=sk_live_leaked"))
    sync(LOG)
    row = RequestLog.objects.get()
    assert "cdcd" not in repr(row.payload)
    assert "sk_live" not in repr(row.payload) + row.path


@pytest.mark.parametrize(
    ("action", "status"), [("status", 401), ("status", 403), ("status", 404), ("html", 404)]
)
def test_a_refusal_is_told_plainly_and_leaves_the_token_alone(
    sandbox: Sandbox, store: Store, sync: Sync, action: str, status: int
) -> None:
    rule = {"match": LOG_PATH, "times": 0, "action": action, "args": {"status": status}}
    sandbox.fault([rule])
    run = sync(LOG).run
    assert run.state == "SKIPPED"
    assert "does not show its request log to this token" in run.error
    assert str(status) in run.error
    assert run.request_id
    assert ApiToken.objects.get().health == "OK"


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_of_something_on_the_way_is_no_refusal(
    sandbox: Sandbox, store: Store, sync: Sync, status: int
) -> None:
    rule = {"match": LOG_PATH, "times": 0, "action": "html", "args": {"status": status}}
    sandbox.fault([rule])
    run = sync(LOG).run
    assert run.state == "FAILED"
    assert f"HTTP {status}" in run.error
    assert ApiToken.objects.get().health == "OK"


def test_a_revoked_token_is_still_told_from_a_refusal(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    sandbox.revoke_token(sandbox.hmac_token.token_id)
    assert sync(LOG).run.state == "FAILED"
    assert ApiToken.objects.get().health == "SUSPECT"


def test_a_dry_run_keeps_nothing(store: Store, sync: Sync) -> None:
    make_requests(store, 3)
    run = sync(LOG, dry_run=True).run
    assert run.rows_created > 0
    assert not RequestLog.objects.exists()
    assert not SyncCursor.objects.filter(resource=LOG).exists()


def test_what_is_older_than_the_retention_goes_and_does_not_come_back(
    store: Store, sync: Sync, answer: Callable[..., None], settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "REQUEST_LOG_RETENTION_DAYS": 10}
    days_12 = {"createdAt": (NOW - timedelta(days=12)).isoformat()}
    answer(entry(1), entry(2, **days_12))
    sync(LOG)
    assert RequestLog.objects.count() == 1
    long_ago = django_timezone.now() - timedelta(days=11)
    RequestLog.objects.bulk_create(
        RequestLog(id=f"old_{n}", store=store, logged_at=long_ago, synced_at=NOW)
        for n in range(2500)
    )
    RequestLog.objects.create(id="timeless", store=store, synced_at=long_ago)
    RequestLog.objects.create(id="timeless_new", store=store, synced_at=NOW)
    assert prune_request_logs() == 2501
    assert kept_ids() == {"log_1", "timeless_new"}
    again = sync(LOG).run
    assert (again.state, again.rows_created) == ("COMPLETED", 0)


def test_the_task_fetches_and_prunes(store: Store, settings: Any) -> None:
    assert tasks.archive_request_logs.name == "pandabase.archive_request_logs"
    old = NOW - timedelta(days=400)
    RequestLog.objects.create(id="old", store=store, logged_at=old, synced_at=old)
    assert tasks.fetch_request_logs.apply(args=[store.pk]).get() == "COMPLETED"
    run = SyncRun.objects.get(resource=LOG)
    assert (run.trigger, run.rows_created > 0) == ("SCHEDULE", True)
    assert prune_request_logs() == 1


@pytest.mark.parametrize("up", [True, False])
def test_the_task_goes_on_with_a_long_log_if_the_broker_lets_it(
    up: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_requests(store, 130)
    monkeypatch.setattr(request_logs, "MAX_PAGES", 1)
    with broker_at("memory://"), current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        queue.clear()
        with broker_at("memory://" if up else "redis://127.0.0.1:9/0"):
            args = [store.pk, "ADMIN"]
            assert tasks.fetch_request_logs.apply(args=args).get() == "PARTIAL"
        assert queue.qsize() == up
        if up:
            message = queue.get(block=False)
            message.ack()
            assert message.headers["task"] == "pandabase.fetch_request_logs"
            assert message.headers["eta"]
            assert message.payload[0] == [store.pk]
            assert message.payload[1]["trigger"] == "ADMIN"
