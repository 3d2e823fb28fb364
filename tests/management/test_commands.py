"""The commands, as scripts call them: stdout, stderr and exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import connection
from django.utils import timezone

from pandabase_django.crypto.keyring import Keyring
from pandabase_django.models import ApiToken, Erasure, Order, Product, Store, SyncCursor
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run import lease as leases
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 5, "products": 12, "orders": 130}


@pytest.fixture
def token(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ApiToken:
    pk = _add(sandbox, monkeypatch)
    return ApiToken.objects.get(pk=pk)


def _add(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *extra: str) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(sandbox.hmac_token.secret + "\n"))
    out = io.StringIO()
    call_command(
        "pandabase_add_token",
        *("--store", sandbox.store_id, "--mode", "hmac"),
        *("--token-id", sandbox.hmac_token.token_id, "--base-url", sandbox.url, *extra),
        stdout=out,
        stderr=io.StringIO(),
    )
    return out.getvalue().strip()


def _run(name: str, *arguments: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


def test_a_generated_key_stands_alone_on_stdout_and_works() -> None:
    out, code = _run("pandabase_generate_key")
    assert (code, out.count("\n")) == (0, 1)
    assert len(Keyring.from_texts([out.strip()]).key_ids) == 1


def test_a_key_is_made_before_settings_exist(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "pandabase_django.generate_key"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") == 1
    assert len(Keyring.from_texts([done.stdout.strip()]).key_ids) == 1


def test_a_check_with_warnings_does_not_say_that_nothing_needs_attention(token: ApiToken) -> None:
    out, code = _run("pandabase_check")
    assert code != 0  # no beat, no run yet
    assert "Nothing needs attention" not in out


def test_a_wrong_resource_is_answered_with_the_right_ones() -> None:
    with pytest.raises(CommandError) as caught:
        call_command("pandabase_sync", "--resource", "foo")
    assert "products" in str(caught.value)
    assert "Resource." not in str(caught.value)


NOBODY = str(uuid.UUID(int=0))


@pytest.mark.parametrize(
    "arguments",
    [
        ["pandabase_test_connection"],
        ["pandabase_rotate_secret", "--token", NOBODY, "--reason", "x", "--dry-run"],
        ["pandabase_install_secret", "--token", NOBODY, "--no-input"],
        ["pandabase_reseal"],
        ["pandabase_replay_webhooks"],
        ["pandabase_replay_webhooks", "--event-id", "evt_1"],
    ],
)
def test_a_missing_migration_is_a_sentence(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDABASE_TOKEN_SECRET", "sk_x")
    tables = ("pandabase_apitoken", "pandabase_webhookdelivery")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        with pytest.raises(CommandError, match="Was `migrate` run") as caught:
            call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    finally:
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
    assert caught.value.returncode == 1


def test_a_store_that_is_not_here_is_no_success() -> None:
    for name in ("pandabase_sync", "pandabase_replay_webhooks"):
        assert _run(name, "--store", "shp_unknown") == ("", 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["pandabase_add_token", "--mode", "hmac", "--name", "x"],
        ["pandabase_close", "--month", "2020-01"],
        ["pandabase_confirm_token", "--no-input"],
        ["pandabase_person", "--email", "ada@example.com", "--erase", "--no-input"],
        ["pandabase_replay_webhooks"],
        ["pandabase_sync"],
        ["pandabase_usage"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_empty_store_is_not_all_of_them(arguments: list[str]) -> None:
    Store.objects.create(pk="shp_1")
    assert _run(*arguments, "--store", "") == ("", 2)
    assert not Erasure.objects.exists()


def test_every_command_that_takes_a_store_is_in_that_test() -> None:
    named = test_an_empty_store_is_not_all_of_them.pytestmark[0].args[1]  # type: ignore[attr-defined]
    taking = set()
    for name, app in get_commands().items():
        if app == "pandabase_django":
            parser = load_command_class(app, name).create_parser("manage.py", name)
            if "--store" in parser.format_help():
                taking.add(name)
    assert taking == {arguments[0] for arguments in named}


@pytest.mark.parametrize("export", [False, True])
def test_a_terminal_that_can_t_show_it_all_ends_no_command(export: bool) -> None:
    Store.objects.create(pk="shp_1")
    out = io.BytesIO()
    stream = io.TextIOWrapper(out, encoding="latin-1", write_through=True)
    name = "pandabase_person" if export else "pandabase_check"
    arguments = ["--email", "ada@example.com", "--export"] if export else []
    # As a shell does it: Django wraps what is given to `call_command` by itself.
    command = type(load_command_class("pandabase_django", name))(stdout=stream)
    with pytest.raises(CommandError) as caught:
        call_command(command, *arguments)
    # What would not be whole without these letters is refused.
    assert "UTF-8" in str(caught.value) if export else b"          ? " in out.getvalue()


def test_progress_on_a_terminal_is_not_red() -> None:
    command = load_command_class("pandabase_django", "pandabase_sync")
    assert command.stderr.style_func("x") == "x"


def test_adding_a_token_prints_its_primary_key_alone(token: ApiToken) -> None:
    assert token.role == "ACTIVE"


def test_the_secret_may_come_from_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDABASE_TOKEN_SECRET", sandbox.hmac_token.secret)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    _, code = _run(
        "pandabase_add_token",
        *("--store", sandbox.store_id, "--mode", "hmac", "--base-url", sandbox.url),
        *("--token-id", sandbox.hmac_token.token_id),
    )
    assert (code, ApiToken.objects.count()) == (0, 1)


def test_a_permission_that_may_be_misspelt_is_asked_about(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PANDABASE_TOKEN_SECRET", sandbox.hmac_token.secret)
    call_command(
        "pandabase_add_token",
        *("--store", sandbox.store_id, "--mode", "hmac", "--base-url", sandbox.url),
        *("--token-id", sandbox.hmac_token.token_id, "--permissions", "ORDERS_READ, ORDER_READ"),
    )
    told = capsys.readouterr().err
    assert "Is ORDER_READ spelt right?" in told
    assert "Is ORDERS_READ" not in told


@pytest.mark.parametrize(
    ("secret", "store", "expected"),
    [
        ("sk_test_wrong_secret_for_this", "", 3),
        ("no-prefix", "", 2),
        ("", "", 2),
        ("sk_test_wrong_secret_for_this", "nonsense", 2),
    ],
)
def test_a_token_that_does_not_work_is_not_saved(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, secret: str, store: str, expected: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(secret + "\n"))
    out, code = _run(
        "pandabase_add_token",
        *("--store", store or sandbox.store_id, "--mode", "hmac", "--base-url", sandbox.url),
        *("--token-id", sandbox.hmac_token.token_id),
    )
    assert (code, out) == (expected, "")
    assert not ApiToken.objects.exists()
    assert not Store.objects.exists()


def test_a_sync_reports_json_that_a_script_can_read(token: ApiToken) -> None:
    out, code = _run("pandabase_sync", "--format", "json")
    report: dict[str, Any] = json.loads(out)
    assert (code, report["ok"]) == (0, True)
    assert [run["resource"] for run in report["runs"]] == ["products", "orders"]
    assert report["runs"][1]["requests"] > 130
    assert (Order.objects.count(), Product.objects.count()) == (130, 12)


def test_a_sync_of_one_resource_leaves_the_other_alone(token: ApiToken) -> None:
    assert _run("pandabase_sync", "--resource", "products")[1] == 0
    assert (Order.objects.count(), Product.objects.count()) == (0, 12)


def test_exit_codes_tell_usage_refused_credentials_and_partial_work(
    sandbox: Sandbox, token: ApiToken
) -> None:
    assert _run("pandabase_sync", "--store", "shp_unknown")[1] == 2
    sandbox.revoke_token(token.token_id)
    assert _run("pandabase_sync")[1] == 3
    out, code = _run("pandabase_test_connection", "--format", "json")
    assert (code, json.loads(out)[0]["status"]) == (3, 401)
    assert _run("pandabase_test_connection", "--token", str(uuid.uuid4()))[1] == 2
    assert _run("pandabase_test_connection", "--token", "nonsense")[1] == 2


def test_a_missing_permission_skips_a_resource_and_exits_with_partial(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(sandbox, monkeypatch, "--permissions", "PRODUCTS_READ,CATEGORIES_READ")
    out, code = _run("pandabase_sync", "--format", "json")
    states = {run["resource"]: run["state"] for run in json.loads(out)["runs"]}
    assert (code, states) == (4, {"products": "COMPLETED", "orders": "SKIPPED"})


def test_a_sync_waits_for_a_lease_that_ends(token: ApiToken) -> None:
    leases.acquire(store_id=token.store_id, resource="orders")
    SyncCursor.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    assert _run("pandabase_sync", "--resource", "orders")[1] == 0
    assert Order.objects.count() == 130


def _check(*arguments: str) -> tuple[dict[str, Any], int]:
    out, code = io.StringIO(), 0
    try:
        with broker_at("memory://"):
            call_command("pandabase_check", "--format", "json", *arguments, stdout=out)
    except CommandError as error:
        code = error.returncode
    return json.loads(out.getvalue()), code


def test_check_reports_that_times_have_no_time_zone(token: ApiToken, settings: Any) -> None:
    settings.DEBUG = True
    call_command("pandabase_sync", stdout=io.StringIO(), stderr=io.StringIO())
    assert _check() == ({"setup": ANY, "attention": []}, 0)
    settings.USE_TZ = False
    told, code = _check()
    (finding,) = told["attention"]
    assert (finding["code"], finding["level"], code) == ("pandabase.E010", "error", 1)
    assert "Set USE_TZ = True" in finding["fix"]


def test_check_tells_the_state_by_its_exit_code(token: ApiToken, settings: Any) -> None:
    settings.DEBUG = True  # a cache of one process is told only in earnest
    told, code = _check()
    assert code == 4
    assert [step["code"] for step in told["setup"] if step["level"] == "warning"] == ["first_sync"]
    call_command("pandabase_sync", stdout=io.StringIO(), stderr=io.StringIO())
    told, code = _check()
    assert (told["attention"], code) == ([], 0)
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")
    told, code = _check()
    assert code == 3
    assert told["attention"][0]["code"] == "token_suspect"
    settings.PANDABASE = {"ENCRYPTION_KEYS": ["nonsense"]}
    assert _check()[1] in (1, 3)
