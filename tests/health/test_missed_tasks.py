"""A scheduled task that does not run, while beat does, is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from pandabase_django.models import TaskTick
from pandabase_django.schedules import beat_schedule
from pandabase_django.services.health.checks.operations import scheduled_tasks_run
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.tasks import reap_stalled_runs

pytestmark = pytest.mark.django_db

WATCHED = {
    "pandabase.archive_request_logs": timedelta(hours=12),
    "pandabase.finish_webhook_rotations": timedelta(hours=2),
    "pandabase.prune_changes": timedelta(days=2),
    "pandabase.prune_webhooks": timedelta(days=2),
    "pandabase.rotate_due_secrets": timedelta(hours=2),
    "pandabase.sync_all": timedelta(minutes=20),
    "pandabase.sync_seldom": timedelta(hours=12),
}
MARGIN = timedelta(minutes=1)


def ran(task: str, ago: timedelta) -> None:
    at = timezone.now() - ago
    TaskTick.objects.update_or_create(task=task, defaults={"at": at, "missed_since": None})


def missed() -> list[str]:
    found = list(scheduled_tasks_run(Situation()))
    assert {(finding.code, finding.level) for finding in found} <= {("task_missed", Level.WARNING)}
    return [finding.sentence for finding in found]


@pytest.mark.parametrize(("task", "silence"), WATCHED.items())
def test_a_task_that_misses_two_of_its_times_is_told(task: str, silence: timedelta) -> None:
    reap_stalled_runs()
    ran(task, silence - MARGIN)
    assert missed() == []
    ran(task, silence + MARGIN)
    (sentence,) = missed()
    assert f"The scheduled task {task} has not run for" in sentence


@pytest.mark.parametrize("task", WATCHED)
def test_a_task_that_never_ran_is_told_from_the_first_sign_of_beat_on(task: str) -> None:
    reap_stalled_runs()
    assert missed() == []
    first = timezone.now() - WATCHED[task] - MARGIN
    TaskTick.objects.filter(task=task, at=None).update(missed_since=first)
    (sentence,) = missed()
    assert task in sentence
    reap_stalled_runs()
    assert missed() == [sentence]


def test_every_task_of_the_schedule_is_watched_or_comes_each_minute() -> None:
    each_minute = {
        entry["task"]
        for entry in beat_schedule().values()
        if entry["schedule"] == timedelta(minutes=1)
    }
    scheduled = {entry["task"] for entry in beat_schedule().values()}
    assert scheduled - each_minute == set(WATCHED)


@pytest.mark.parametrize(
    ("seconds", "silence"),
    [(10, timedelta(minutes=10)), (3600, timedelta(hours=2)), (86_400, timedelta(days=2))],
)
def test_a_sync_is_missed_by_its_own_interval(seconds: int, silence: timedelta) -> None:
    reap_stalled_runs()
    with override_settings(PANDABASE={"SYNC_INTERVAL_SECONDS": seconds}):
        ran("pandabase.sync_all", silence - MARGIN)
        assert missed() == []
        ran("pandabase.sync_all", silence + MARGIN)
        assert len(missed()) == 1


def test_a_beat_that_is_silent_is_one_finding_of_its_own() -> None:
    for task in WATCHED:
        ran(task, timedelta(days=3))
    assert missed() == []
