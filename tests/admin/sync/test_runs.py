"""Runs: followed as JSON, cancelled, started again; the rows they wrote."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import ApiToken, Order, RowChange, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run.recorder import Recorder, RunCancelled
from pandabase_django.services.sync.runs import request_cancel, sync_resource
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

READER = ("view_syncrun", "view_order", "view_product")


def page(part: str, run: SyncRun) -> str:
    return reverse(f"admin:pandabase_syncrun_{part}", args=[quote(str(run.pk))])


@pytest.fixture
def running(token: ApiToken) -> SyncRun:
    return SyncRun.objects.create(
        store_id=token.store_id,
        resource="orders",
        trigger="ADMIN",
        started_at=timezone.now(),
        heartbeat_at=timezone.now(),
        phase="orders: details",
        progress_done=1250,
        progress_total=5000,
        rows_per_second=125.0,
        seconds_left=30,
    )


def test_a_running_run_is_followed_and_ends_open(running: SyncRun, login: Login) -> None:
    client = login("view_syncrun")
    state = client.get(page("live", running)).json()
    assert state["open"] is True
    assert state["progress"]["rows"] == {"done": 1250, "of": 5000}
    assert state["texts"]["count"] == "1,250 / 5,000"
    assert "125" in state["texts"]["rate"]
    assert "30 s" in state["texts"]["left"]
    shown = client.get(page("change", running)).content.decode()
    assert f'data-live-url="{page("live", running)}"' in shown
    assert '<progress data-live-progress="rows" value="1250" max="5000"' in shown
    assert '<noscript><meta http-equiv="refresh"' in shown
    SyncRun.objects.update(state="COMPLETED", finished_at=timezone.now())
    assert client.get(page("live", running)).json()["open"] is False
    shown = client.get(page("change", running)).content.decode()
    assert "data-live-url" not in shown
    assert "http-equiv" not in shown


def test_a_wait_for_a_rate_limit_is_said(running: SyncRun, login: Login) -> None:
    SyncRun.objects.update(
        waiting_until=timezone.now() + timedelta(seconds=45), waiting_for="store"
    )
    texts = login("view_syncrun").get(page("live", running)).json()["texts"]
    assert "rate limit" in texts["waiting"]
    assert "store" in texts["waiting"]


def test_a_run_is_cancelled_once(running: SyncRun, login: Login) -> None:
    client = login("view_syncrun", "run_sync")
    assert page("cancel", running) in client.get(page("change", running)).content.decode()
    assert client.post(page("cancel", running)).status_code == 302
    running.refresh_from_db()
    asked = running.cancel_requested_at
    assert asked is not None
    again = client.post(page("cancel", running), follow=True)
    assert again.redirect_chain == [(page("change", running), 302)]
    assert "Nothing was done: it has changed." in again.content.decode()
    running.refresh_from_db()
    assert running.cancel_requested_at == asked


def test_a_cancelled_run_remembers_when_it_was_asked_to_end(running: SyncRun) -> None:
    recorder = Recorder(SyncRun.objects.get(pk=running.pk), on_progress=lambda run: None)
    assert request_cancel(running)
    assert not request_cancel(running)  # it was asked already
    with pytest.raises(RunCancelled):
        recorder.save()
    recorder.finish(SyncRun.State.CANCELLED)
    running.refresh_from_db()
    assert (running.state, running.cancel_requested_at is not None) == ("CANCELLED", True)


def test_a_run_that_ended_is_started_again_as_it_was(
    running: SyncRun, login: Login, broker: Any, django_capture_on_commit_callbacks: Any
) -> None:
    SyncRun.objects.update(state="FAILED", full=True, finished_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        login("view_syncrun", "run_sync").post(page("retry", running))
    message = broker()
    assert message.headers["task"] == "pandabase.sync_orders"
    assert message.payload[0] == [running.store_id]
    assert message.payload[1]["full"] is True
    assert message.payload[1]["trigger"] == "ADMIN"


def test_a_postponed_run_tells_when_it_goes_on(running: SyncRun, login: Login) -> None:
    SyncRun.objects.update(
        state="POSTPONED",
        finished_at=timezone.now(),
        waiting_until=datetime(2031, 5, 6, 7, 8, tzinfo=timezone.get_current_timezone()),
    )
    shown = login(*READER).get(page("change", running)).content.decode()
    assert "Postponed" in shown
    assert "goes on at May 6, 2031, 7:08 AM" in shown
    state = login("view_syncrun").get(page("live", running)).json()
    assert (state["open"], state["texts"]["waiting"]) == (False, "")
    SyncRun.objects.update(waiting_until=timezone.now() - timedelta(minutes=1))
    shown = login(*READER).get(page("change", running)).content.decode()
    assert "Postponed" in shown
    assert "goes on at" not in shown


def test_a_run_names_its_strategies_and_what_each_cost(mirrored: ApiToken, login: Login) -> None:
    for run in SyncRun.objects.all():
        shown = login(*READER).get(page("change", run)).content.decode()
        for step in run.steps:
            cells = (step["requests"], step["created"], step["updated"])
            row = f"<td><code>{step['strategy']}</code></td>"
            assert row + "".join(f"<td>{cell}</td>" for cell in cells) in shown


def test_what_a_strategy_found_is_told_in_words(running: SyncRun, login: Login) -> None:
    pages = {"first_page": 399, "pages": 2, "of_pages": 399, "hurry": True}
    SyncRun.objects.update(
        steps=[
            {"strategy": "products: full pass", "clean": False},
            {"strategy": "categories: full pass", "clean": False, "counted": 1201, "listed": 1200},
            {"strategy": "orders: counts per status", "differing": {"PAID": 2, "REFUNDED": -1}},
            {"strategy": "orders: details", "helpers": 3},
            {"strategy": "orders: rolling pass", **pages},
        ]
    )
    shown = login(*READER).get(page("change", running)).content.decode()
    for words in (
        "the list moved while it was read",
        "the remote counts 1,201 rows, its pages show 1,200",
        "other counts than here: PAID +2, REFUNDED -1",
        "3 runs of helpers",
        "pages 399 to 399 of 399; in a hurry, since changes may be hidden",
    ):
        assert f"<td>{words}</td>" in shown


def test_a_state_of_another_version_is_shown_as_it_is(running: SyncRun, login: Login) -> None:
    SyncRun.objects.update(state="REVIEWED")
    assert (
        "REVIEWED"
        in login(*READER).get(reverse("admin:pandabase_syncrun_changelist")).content.decode()
    )


@pytest.fixture
def changed(mirrored: ApiToken, sandbox: Sandbox) -> RowChange:
    order = Order.objects.filter(status="COMPLETED").order_by("created_at")[0]
    sandbox.change([{"op": "refund_order", "id": order.pk}])
    run = sync_resource(mirrored.store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
    change: RowChange = run.changes.get(row_id=order.pk)
    return change


def test_a_run_shows_the_rows_it_wrote_to_those_who_may_see_them(
    changed: RowChange, login: Login
) -> None:
    assert changed.run is not None
    for part in ("change", "changes"):
        shown = login(*READER).get(page(part, changed.run)).content.decode()
        assert changed.row_id in shown
        assert "payment status" in shown
        hidden = login("view_syncrun").get(page(part, changed.run)).content.decode()
        assert changed.row_id not in hidden


def test_an_order_tells_which_run_changed_it_last(changed: RowChange, login: Login) -> None:
    url = reverse("admin:pandabase_order_change", args=[quote(changed.row_id)])
    shown = login("view_order").get(url).content.decode()
    assert f"Sync run {changed.run_id}" in shown
    assert "payment status" in shown


def test_the_list_of_written_rows_costs_the_same_at_ten_as_at_a_thousand(
    mirrored: ApiToken, login: Login
) -> None:
    run = SyncRun.objects.filter(resource="orders").latest("pk")
    client = login(superuser=True)

    def queries(rows: int) -> int:
        RowChange.objects.all().delete()
        RowChange.objects.bulk_create(
            RowChange(
                store_id=run.store_id,
                run=run,
                model_name="orderitem",
                row_id=f"itm_{number}",
                kind="CHANGED",
                columns=["quantity"],
                at=timezone.now(),
            )
            for number in range(rows)
        )
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page("changes", run)).status_code == 200
        return len(captured)

    queries(10)
    assert queries(10) == queries(1000) <= 15
