"""What a person at a terminal, or cron, gets from ``pandabase_sync``."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from django.core.management import call_command
from django.utils import timezone

from pandabase_django.management.commands.pandabase_sync import Command
from pandabase_django.management.exits import Exit
from pandabase_django.models import ApiToken, Category, Product, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.runs import Caller, sync_resource
from pandabase_django.services.tokens.connection import activate_token
from tests.commands import pandabase_sync
from tests.connecting import connect
from tests.worker.servers import OwnPostgres
from tests.worker.shop import PATIENCE_SECONDS, Shop, wait_for_fault, wait_for_requests


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 5, "products": 12, "orders": 230, "latency_ms": 5}


@pytest.mark.worker
@pytest.mark.thorough
def test_ctrl_c_ends_the_run_in_one_line_and_frees_its_lease(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    database = tmp_path / "shop.sqlite3"
    shop = Shop(f"sqlite:///{database}")
    try:
        shop.open(sandbox)
        # It waits for the signal: on a busy machine it would be at its end before that arrives.
        match = {"method": "GET", "path_regex": "/orders/[^/]+$"}
        wait = {"status": 429, "retry_after_seconds": 60}
        (number,) = sandbox.fault([{"match": match, "nth": 50, "action": "status", "args": wait}])
        running = shop.start("pandabase_sync", "--format", "json")
        wait_for_fault(sandbox, number)
        os.kill(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE_SECONDS)
    finally:
        shop.close()
    assert running.returncode == 130
    told: dict[str, Any] = json.loads(out)
    assert (told["ok"], [run["state"] for run in told["runs"]]) == (False, ["COMPLETED"])
    # Before it stand only the system checks of settings without a shared cache.
    assert err.rstrip().endswith(
        "\nCommandError: Stopped by Ctrl-C. Nothing that was written is lost."
    )
    assert "Traceback" not in err
    with closing(sqlite3.connect(database)) as look:
        runs = look.execute("SELECT resource, state FROM pandabase_syncrun ORDER BY id").fetchall()
        held = look.execute("SELECT count(*) FROM pandabase_synccursor WHERE lease_holder <> ''")
        assert (runs[-1], held.fetchone()) == (("orders", "CANCELLED"), (0,))


@pytest.mark.django_db(transaction=True)
def test_an_interruption_ends_a_wait_for_a_rate_limit(sandbox: Sandbox) -> None:
    store = connect(sandbox).store
    match = {"method": "GET", "path_regex": "/orders$"}
    args = {"status": 429, "retry_after_seconds": 60}
    sandbox.fault([{"match": match, "nth": 2, "action": "status", "args": args}])

    def interrupt(run: SyncRun) -> None:
        if run.state == SyncRun.State.RUNNING and run.waiting_until is not None:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sync_resource(
            store,
            resource="orders",
            trigger=SyncRun.Trigger.COMMAND,
            caller=Caller(on_progress=interrupt),
        )
    sleeping = [t for t in threading.enumerate() if t.name.startswith("pandabase-fetch")]
    for thread in sleeping:
        thread.join(5)
        assert not thread.is_alive()
    assert time.monotonic() - began < 30


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_interrupted_is_cancelled_and_the_next_one_goes_on(sandbox: Sandbox) -> None:
    store = connect(sandbox).store

    def interrupt(run: SyncRun) -> None:
        if run.state == SyncRun.State.RUNNING and run.rows_created:
            raise KeyboardInterrupt

    arguments: dict[str, Any] = {"resource": "orders", "trigger": SyncRun.Trigger.COMMAND}
    with pytest.raises(KeyboardInterrupt):
        sync_resource(store, caller=Caller(on_progress=interrupt), **arguments)
    run = SyncRun.objects.get()
    assert (run.state, run.finished_at is None) == ("CANCELLED", False)
    assert SyncCursor.objects.get().lease_until is None
    assert sync_resource(store, **arguments).run.state == "COMPLETED"


@pytest.mark.django_db(transaction=True)
def test_several_resources_are_synced_once_each_in_the_order_they_are_named(
    sandbox: Sandbox,
) -> None:
    connect(sandbox)
    names = ["payouts", "products", "payouts", "coupons"]
    code, _ = pandabase_sync(*(text for name in names for text in ("--resource", name)))
    synced = SyncRun.objects.order_by("pk").values_list("resource", flat=True)
    assert (code, list(synced)) == (0, ["payouts", "products", "coupons"])
    # From Python the option may be one text or a list.
    call_command("pandabase_sync", resource="coupons", verbosity=0)
    call_command("pandabase_sync", resource=["payouts", "coupons"], verbosity=0)
    assert list(synced.all())[3:] == ["coupons", "payouts", "coupons"]
    assert pandabase_sync("--audit", "--resource", "coupons", "--resource", "request_logs")[0] == 2


@pytest.mark.django_db(transaction=True)
def test_a_partial_sync_names_the_first_orders_it_left_out_and_its_run(sandbox: Sandbox) -> None:
    connect(sandbox)
    match = {"method": "GET", "path_regex": "/orders/ord_"}
    sandbox.fault(
        [{"match": match, "nth": 1, "times": 7, "action": "status", "args": {"status": 404}}]
    )
    code, text = pandabase_sync("--resource", "orders")
    run = SyncRun.objects.get()
    first, *warnings, last = text.splitlines()
    assert (code, run.state) == (4, "PARTIAL")
    assert f"orders: PARTIAL (run {run.pk}). " in first
    assert first.endswith(" 7 warnings:")
    assert warnings == [f"  {text}" for text in run.warnings[:5]]
    assert all("Details of ord_" in text for text in warnings)
    assert last == f"  and 2 more: see run {run.pk}."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declared", [False, True])
def test_categories_that_may_not_be_read_are_told_in_every_run_until_they_may(
    sandbox: Sandbox, *, declared: bool
) -> None:
    codes = ["PRODUCTS_READ", "ORDERS_READ", "REFUNDS_READ", "DISPUTES_READ"]
    codes.append("SUBSCRIPTIONS_READ")  # the store sells some
    token = connect(
        sandbox, sandbox.add_token(permissions=codes), permissions=codes if declared else []
    )
    for _ in range(2):
        code, text = pandabase_sync("--resource", "products")
        assert (code, Product.objects.count(), Category.objects.count()) == (4, 12, 0)
        first, warning = text.splitlines()
        assert ": PARTIAL" in first
        assert "Categories were left out" in warning
        assert "CATEGORIES_READ" in warning
    for arguments in (["--audit"], ["--audit", "--full"]):
        code, text = pandabase_sync("--resource", "products", *arguments)
        assert (code, "products: INCOMPLETE. products 12." in text) == (4, True)
        assert "Categories were not compared: " in text
    assert pandabase_sync("--resource", "orders")[0] == 0
    health = [f for f in attention(Situation()) if not f.code.startswith("pandabase.")]
    assert [(f.code, f.level) for f in health] == [("permission_missing", Level.WARNING)]
    # Somebody allows it, with a token that has it.
    ApiToken.objects.filter(pk=token.pk).update(role=ApiToken.Role.RETIRED)
    activate_token(connect(sandbox))
    assert pandabase_sync("--resource", "products")[0] == 0
    assert "EQUAL" in pandabase_sync("--resource", "products", "--audit", "--full")[1]
    assert Category.objects.count() > 0


def test_help_tells_what_each_option_and_each_exit_code_means(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parser = Command().create_parser("manage.py", "pandabase_sync")
    assert [action.dest for action in parser._actions if not action.help] == []
    parser.print_help()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    codes = text.partition("exit codes:\n")[2]
    for code in Exit:
        assert f"\n  {int(code)} " in f"\n{codes}"


@pytest.mark.django_db(transaction=True)
def test_waiting_for_a_lease_is_no_part_of_the_runs_time(sandbox: Sandbox) -> None:
    store: Store = connect(sandbox).store
    leases.acquire(store_id=store.pk, resource="products")
    free_at = timezone.now() + timedelta(seconds=1)
    SyncCursor.objects.update(lease_until=free_at)
    run = sync_resource(
        store,
        resource="products",
        trigger=SyncRun.Trigger.COMMAND,
        caller=Caller(on_wait=lambda holder, seconds: None),
    ).run
    assert run.started_at >= free_at


@pytest.mark.worker
@pytest.mark.postgres
@pytest.mark.thorough
def test_a_database_that_stops_is_told_for_each_resource_and_all_of_it_is_json(
    sandbox: Sandbox,
) -> None:
    database = OwnPostgres()
    shop = Shop(database.url)
    late = {"match": {"method": "GET", "path_regex": "/products$"}, "nth": 1, "action": "delay"}
    try:
        shop.open(sandbox)
        for name, arguments in [("runs", []), ("audits", ["--audit", "--full"])]:
            sandbox.fault([{**late, "args": {"seconds": 3}}])
            running = shop.start("pandabase_sync", "--format", "json", *arguments)
            wait_for_requests(sandbox, sandbox.requests_served + 1)  # categories come first
            time.sleep(0.5)
            database.stop()
            out, err = running.communicate(timeout=PATIENCE_SECONDS)
            assert (running.returncode, "Traceback" in err) == (1, False), err
            told: dict[str, Any] = json.loads(out)
            states = {report["resource"]: report["state"] for report in told[name]}
            assert (told["ok"], states) == (False, {"products": "FAILED", "orders": "FAILED"})
            assert out.count("The database was out of reach.") == 2
            sandbox.clear_faults()
            if name == "runs":
                database.start()
        code, text = shop.finish(shop.start("pandabase_sync"))
        assert (code, "Traceback" in text) == (1, False)
        assert "The tables can't be read" in text
        database.start()
    finally:
        shop.close()
        database.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("arguments", [[], ["--audit"], ["--audit", "--full"], ["--dry-run"]])
def test_an_unexpected_error_about_one_store_keeps_no_other_from_its_sync(
    sandbox: Sandbox, arguments: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox(seed=6, products=3, orders=3) as second:
        by_store = {connect(each).store_id: each for each in (sandbox, second)}
        first = Store.objects.all()[0].pk
        with responses.RequestsMock() as mock:
            mock.add_passthru(re.compile("http://"))
            mock.get(re.compile(f"{by_store[first].url}/.*"), body=RuntimeError("of a library"))
            code, text = pandabase_sync("--format", "json", *arguments)
    told = json.loads(text)
    (reports,) = [value for key, value in told.items() if key != "ok"]
    states = [(report["store"] == first, report["state"]) for report in reports]
    assert (code, told["ok"], len(states)) == (1, False, 4)
    assert states[:2] == [(True, "FAILED")] * 2
    assert all(not of_first and state != "FAILED" for of_first, state in states[2:])
    assert all("the log has it" in report["error"] for report in reports[:2])
    assert "RuntimeError: of a library" in caplog.text
