"""The ready schedule, under Celery's own beat and under django-celery-beat."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from celery.schedules import crontab
from django.test import override_settings

from pandabase_django.schedules import beat_schedule
from tests.worker.shop import ROOT

HOUR = timedelta(hours=1)

UNDER_DATABASE_SCHEDULER = """
import django
from django.conf import settings
from tests import settings as base
settings.configure(
    INSTALLED_APPS=[*base.INSTALLED_APPS, "django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PANDABASE=base.PANDABASE, USE_TZ=True, SECRET_KEY="x", MIDDLEWARE=[],
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from celery import Celery
from pandabase_django.schedules import beat_schedule
app = Celery("shop", broker="memory://")
app.conf.beat_schedule = beat_schedule()
from django_celery_beat.schedulers import DatabaseScheduler
DatabaseScheduler(app=app, lazy=False)
from django_celery_beat.models import PeriodicTask
for task in PeriodicTask.objects.filter(name__startswith="pandabase").order_by("name"):
    print(task.task, task.expire_seconds, task.enabled, bool(task.crontab), bool(task.interval))
"""
BEFORE_DJANGO = """
from django.conf import settings
settings.configure(PANDABASE={"SYNC_INTERVAL_SECONDS": 600})
from pandabase_django.schedules import beat_schedule
assert beat_schedule()
"""


def test_a_settings_module_may_ask_for_the_schedule() -> None:
    """docs/first-steps.md has it there, when Django's apps are not loaded yet."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEFORE_DJANGO],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_comes_each_hour_or_less_often_has_fixed_times() -> None:
    """A beat replaced every few hours on an empty disk counts intervals from its own start."""
    for name, entry in beat_schedule().items():
        schedule = entry["schedule"]
        if isinstance(schedule, timedelta):
            assert schedule < HOUR, name
        else:
            assert isinstance(schedule, crontab), name
    for name in ("pandabase-prune-webhooks", "pandabase-prune-changes"):
        schedule = beat_schedule()[name]["schedule"]
        assert (len(schedule.hour), len(schedule.minute)) == (1, 1)


@pytest.mark.parametrize("seconds", [60, 600, 86400])
def test_every_message_expires(seconds: int) -> None:
    with override_settings(PANDABASE={"SYNC_INTERVAL_SECONDS": seconds}):
        schedule = beat_schedule()
    for entry in schedule.values():
        assert entry["options"]["expires"] == entry["options"]["expire_seconds"] > 0
    assert schedule["pandabase-sync-all"]["options"]["expires"] == seconds


@pytest.mark.parametrize(
    ("seconds", "hours"),
    [
        (3600, set(range(24))),
        (7200, set(range(0, 24, 2))),
        (21_600, {0, 6, 12, 18}),
        (43_200, {0, 12}),
        (86_400, {0}),
    ],
)
def test_a_sync_each_few_hours_has_fixed_times(seconds: int, hours: set[int]) -> None:
    with override_settings(PANDABASE={"SYNC_INTERVAL_SECONDS": seconds}):
        schedule = beat_schedule()["pandabase-sync-all"]["schedule"]
    assert (schedule.hour, schedule.minute) == (hours, {52})


@pytest.mark.parametrize("seconds", [60, 600, 3599, 5400, 18_000, 172_800])
def test_an_interval_that_hours_of_a_day_cannot_name_is_kept(seconds: int) -> None:
    with override_settings(PANDABASE={"SYNC_INTERVAL_SECONDS": seconds}):
        schedule = beat_schedule()["pandabase-sync-all"]["schedule"]
    assert schedule == timedelta(seconds=seconds)


@pytest.mark.thorough
def test_django_celery_beat_keeps_expiry_and_fixed_times() -> None:
    pytest.importorskip("django_celery_beat")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_DATABASE_SCHEDULER],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert found["pandabase.sync_all"] == ["600", "True", "False", "True"]
    assert found["pandabase.prune_changes"] == ["86400", "True", "True", "False"]
    assert set(found) == {entry["task"] for entry in beat_schedule().values()}
    assert all(int(fields[0]) > 0 for fields in found.values())
