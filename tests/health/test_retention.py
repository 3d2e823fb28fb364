"""Records of runs and rotations are kept for as long as the settings say."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import (
    ApiToken,
    RemoteAction,
    RotationAttempt,
    RowChange,
    Store,
    SyncCursor,
    SyncRun,
)
from pandabase_django.services.health import retention

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def run(days: int, **fields: Any) -> SyncRun:
    at = NOW - timedelta(days=days)
    given = {
        "store_id": "shp_1",
        "resource": "orders",
        "state": "COMPLETED",
        "trigger": "SCHEDULE",
        **fields,
    }
    return SyncRun.objects.create(started_at=at, heartbeat_at=at, **given)


@pytest.fixture(autouse=True)
def _store(db: None) -> None:
    Store.objects.create(pk="shp_1")
    for resource in ("orders", "products"):
        SyncCursor.objects.create(store_id="shp_1", resource=resource)


def test_old_runs_go_with_their_notes_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_DELETE", 2)
    last_of_products = run(300, resource="products")
    old = [run(200 - number) for number in range(7)]
    run(150, helps=old[0], resource="details")
    RowChange.objects.create(store_id="shp_1", run=old[0], row_id="ord_1", at=NOW)
    at_work, recent = run(120, state="RUNNING"), run(89)
    assert tasks.prune_changes() >= 8
    assert set(SyncRun.objects.all()) == {last_of_products, at_work, recent}
    assert not RowChange.objects.exists()
    assert tasks.prune_changes() == 0


def test_a_run_stays_as_long_as_its_notes(settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "RUN_RETENTION_DAYS": 1}
    kept, _newest = run(50), run(0)
    assert retention.prune_runs() == 0
    settings.PANDABASE = {**settings.PANDABASE, "CHANGE_RETENTION_DAYS": 1}
    assert retention.prune_runs() == 1
    assert not SyncRun.objects.filter(pk=kept.pk).exists()


def test_many_stores_cost_no_more_queries_than_one() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            retention.prune_runs()
        return len(asked)

    run(200)
    few = queries()
    for number in range(2, 20):
        store = Store.objects.create(pk=f"shp_{number}")
        SyncCursor.objects.create(store=store, resource="orders")
        run(200, store_id=store.pk)
    assert queries() == few
    assert SyncRun.objects.count() == 19  # of each store the newest stays


def test_closed_rotations_go_but_for_the_newest_and_what_is_needed(token: ApiToken) -> None:
    def rotation(days: int, **fields: Any) -> RotationAttempt:
        at = NOW - timedelta(days=days)
        given = {"state": "DONE", "closed_at": at, "reason": "age", "trigger": "POLICY", **fields}
        return RotationAttempt.objects.create(
            pk=uuid.uuid4(), token=token, from_version=1, prepared_at=at, **given
        )

    gone = rotation(2000)
    followed = rotation(1900, state="LOST")
    follows = rotation(100, follows=followed)
    recent = rotation(90)
    assert retention.prune_rotations() == 1
    assert set(RotationAttempt.objects.all()) == {followed, follows, recent}
    assert not RotationAttempt.objects.filter(pk=gone.pk).exists()
    follows.delete()
    followed.delete()
    RotationAttempt.objects.update(closed_at=NOW - timedelta(days=900))
    assert retention.prune_rotations() == 0  # the newest one tells how old the secret is


def test_closed_actions_go_when_their_time_is_over(token: ApiToken, settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "ACTION_RETENTION_DAYS": 100}

    def action(state: str, days: int, **fields: Any) -> RemoteAction:
        at = NOW - timedelta(days=days)
        given = {"state": state, "asked_at": at, "closed_at": at, **fields}
        return RemoteAction.objects.create(
            pk=uuid.uuid4(), store=token.store, what="REFUND", object_id="ord_1", **given
        )

    for state in ("DONE", "REFUSED"):
        action(state, 101)
    recent = action("DONE", 99)
    unread = action("DONE", 101, next_attempt_at=NOW)
    still_open = action("UNKNOWN", 101, closed_at=None)
    assert tasks.prune_changes() == 2
    assert set(RemoteAction.objects.all()) == {recent, unread, still_open}
