"""People see how fast a run goes, how long it will take, and that it waits for a rate limit."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.management import live_line
from pandabase_django.models import Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run.progress import Pace, sentence
from pandabase_django.services.sync.run.recorder import Recorder
from tests.sync.conftest import Sync

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_run() -> SyncRun:
    return SyncRun(
        store=Store(id="shp_a"), resource="orders", started_at=NOW, heartbeat_at=NOW, requests=7
    )


def test_the_speed_is_that_of_the_last_half_minute() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    pace.reached(0)
    assert pace.rows_per_second is None
    for _ in range(60):
        clock.now += 1
        pace.reached(int(clock.now - 100) * 10)
    assert pace.rows_per_second == pytest.approx(10)
    for step in range(1, 61):
        clock.now += 1
        pace.reached(600 + step * 100)
    assert pace.rows_per_second == pytest.approx(100)


def test_a_new_phase_starts_its_own_count() -> None:
    clock = Clock()
    recorder = Recorder(a_run(), on_progress=lambda run: None, clock=clock)
    with recorder.step("orders: new ones"):
        recorder.progress(done=0, total=1000)
        clock.now += 2
        recorder.progress(done=500, total=1000)
        assert (recorder.run.rows_per_second, recorder.run.seconds_left) == (250, 2)
    with recorder.step("orders: details"):
        assert (recorder.run.progress_done, recorder.run.rows_per_second) == (0, None)


def test_the_sentence_tells_rows_speed_requests_and_time() -> None:
    run = a_run()
    run.phase, run.progress_done, run.progress_total = "orders: details", 1200, 100_000
    run.rows_per_second, run.seconds_left = 950.4, 104
    assert sentence(run) == (
        "shp_a: orders: details, 1,200 of 100,000, 950 rows/s, about 1 min 44 s left, 7 requests"
    )
    run.waiting_until, run.waiting_for = NOW + timedelta(seconds=12), "the token"
    assert sentence(run, now=NOW) == (
        "shp_a: orders: details, 1,200 of 100,000, "
        "waiting 12 s for the rate limit of the token, 7 requests"
    )


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        (
            {"progress_done": 45_200, "progress_total": 100_000},
            "orders: details, 45,200 of 100,000, about 11 min 44 s left, 45,300 requests",
        ),
        (
            {"progress_done": 200, "progress_total": 900, "seconds_left": 4, "requests": 250},
            "orders: details, 200 of 900, 1,950 rows/s, about 4 s left, 250 requests",
        ),
        (
            {
                "progress_done": 45_200,
                "progress_total": 100_000,
                "waiting_until": NOW + timedelta(seconds=12),
                "waiting_for": "the token",
            },
            "45,200 of 100,000, waiting 12 s for the rate limit of the token",
        ),
    ],
)
def test_a_narrow_terminal_shows_the_time_left_and_drops_the_store_first(
    changes: dict[str, object], shown: str
) -> None:
    run = a_run()
    run.store_id = "shp_" + "x" * 24
    run.phase, run.requests = "orders: details", 45_300
    run.rows_per_second, run.seconds_left = 1950.4, 704
    for name, value in changes.items():
        setattr(run, name, value)
    assert sentence(run, now=NOW, width=79) == shown


@pytest.mark.usefixtures("of_a_store")
def test_the_log_gets_a_line_every_few_seconds(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    recorder = Recorder(a_run(), on_progress=lambda run: None, clock=clock)
    with caplog.at_level(logging.INFO, logger="pandabase_django"):
        for _ in range(21):
            recorder.tick()
            clock.now += 1
    assert len(caplog.messages) == 4
    assert caplog.messages[0] == "shp_a: orders: RUNNING, 7 requests"


@pytest.mark.django_db(transaction=True)
@pytest.mark.fact(29)
def test_a_wait_for_a_rate_limit_is_shown_as_such(sandbox: Sandbox, sync: Sync) -> None:
    shown: list[str] = []
    stored: list[tuple[str, bool]] = []

    def look(run: SyncRun) -> None:
        shown.append(sentence(run))
        found = SyncRun.objects.get(pk=run.pk)
        stored.append((found.waiting_for, found.waiting_until is not None))

    headers = {"X-RateLimit-Type": "StoreResource"}
    args = {"status": 429, "retry_after_seconds": 3, "headers": headers}
    rule = {"match": {"method": "GET", "path_regex": "/orders$"}, "nth": 2, "action": "status"}
    sandbox.fault([{**rule, "args": args}])
    run = sync("orders", on_progress=look).run
    assert any("for the rate limit of the store" in text for text in shown)
    assert ("the store", True) in stored
    assert (run.state, run.waiting_for, run.waiting_until) == ("COMPLETED", "", None)
    assert run.seconds_waited > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("comes_again", "state"), [(True, "POSTPONED"), (False, "FAILED")])
def test_a_run_that_a_rate_limit_ends_says_whether_it_goes_on(
    comes_again: bool, state: str, sandbox: Sandbox, sync: Sync
) -> None:
    args = {"status": 429, "retry_after_seconds": 600}
    match = {"method": "GET", "path_regex": "/orders$"}
    sandbox.fault([{"match": match, "nth": 2, "action": "status", "args": args}])
    result = sync("orders", comes_again=comes_again)
    run = SyncRun.objects.get()
    assert (run.state, "rate limit" in run.error) == (state, True)
    assert run.finished_at is not None
    if comes_again:
        assert run.waiting_until is not None
        left = (run.waiting_until - run.finished_at).total_seconds()
        assert left == pytest.approx(result.retry_after_seconds or 0, abs=2)
        assert left > 500
    else:
        assert run.waiting_until is None


@pytest.mark.django_db(transaction=True)
def test_without_a_terminal_lines_go_to_stderr_and_the_result_to_stdout(
    sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_line, "LINE_SECONDS", 0.0)
    out, err = io.StringIO(), io.StringIO()
    call_command("pandabase_sync", stdout=out, stderr=err)
    assert ": orders: details, " in err.getvalue()
    assert "requests" in err.getvalue()
    assert "\033" not in err.getvalue()
    assert out.getvalue().count("COMPLETED") == 2
    err.truncate(0)
    call_command("pandabase_sync", verbosity=0, stdout=out, stderr=err)
    assert err.getvalue().strip("\0") == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.django_db(transaction=True)
def test_on_a_terminal_one_line_is_drawn_over_itself_and_never_wraps(
    sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_line, "REDRAW_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "80")
    out, err = io.StringIO(), Terminal()
    call_command("pandabase_sync", stdout=out, stderr=err)
    first, *drawn = err.getvalue().split("\r\033[K")
    assert (first, drawn[-1]) == ("", "")  # nothing stands there in the end
    assert max(len(line.rstrip("\r")) for line in drawn) < 80
    assert any("orders: details, " in line and "left, " in line for line in drawn)
    assert "\n" not in err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_what_the_log_tells_of_a_failure_is_not_written_behind_the_live_line(
    sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_line, "REDRAW_SECONDS", 0.0)
    match = {"method": "GET", "path_regex": "/products$"}
    args = {"status": 400, "error": "No."}
    sandbox.fault([{"match": match, "nth": 1, "times": 0, "action": "status", "args": args}])
    out, err = io.StringIO(), Terminal()
    handler = logging.StreamHandler(err)
    logging.getLogger("pandabase_django").addHandler(handler)
    try:
        with pytest.raises(CommandError):
            call_command("pandabase_sync", resource="products", stdout=out, stderr=err)
    finally:
        logging.getLogger("pandabase_django").removeHandler(handler)
    assert "\r\033[KSync of products" in err.getvalue()
    run = SyncRun.objects.get()
    assert f": FAILED (run {run.pk}). No. (HTTP 400" in out.getvalue()
