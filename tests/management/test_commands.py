"""The commands, as scripts call them: stdout, stderr and exit codes."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from pandabase_django.crypto.keyring import Keyring
from pandabase_django.models import ApiToken, Order, Product, Store, SyncCursor
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync import lease as leases
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
