"""What a remote may do without being broken: equal times, foreign ids, nonsense as a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from pandabase_django.sandbox import REGISTRATION_REPLIES, Sandbox
from pandabase_django.sandbox.seed.identity import Identities
from tests.sandbox.conftest import Caller
from tests.sandbox.http.test_server import start_command


@pytest.mark.parametrize("reply", REGISTRATION_REPLIES)
def test_a_new_endpoint_is_answered_with_nonsense(caller: Caller, reply: str) -> None:
    caller.sandbox.set(registration_reply=reply)
    body = {"url": "https://shop.invalid/", "eventTypes": ["PAYMENT_COMPLETED"]}
    answer = caller.send("POST", "/webhooks", body=body)
    secret = answer.json()["data"].get("secret")
    assert answer.status_code == 201
    assert (str(secret).startswith("whk_secret_")) == (reply == "secret")


def test_every_seeded_row_was_made_at_one_moment() -> None:
    with Sandbox(
        seed=7, products=12, orders=250, equal_times=True, product_timestamps=True
    ) as sandbox:
        for kind in ("orders", "products"):
            assert len({row["createdAt"] for row in sandbox.dump(kind)}) == 1
        caller = Caller(sandbox, sandbox.hmac_token)
        pages = [caller.get(f"/orders?limit=100&page={page}")["items"] for page in (1, 2, 3)]
        assert len({row["id"] for page in pages for row in page}) == 250


def test_some_rows_have_the_ids_of_another_store() -> None:
    with Sandbox(seed=7, products=12, orders=50, foreign_ids=8) as sandbox:
        caller, other = Caller(sandbox, sandbox.hmac_token), Identities(8)
        for kind, path in (
            ("order", "orders"),
            ("product", "products"),
            ("category", "categories"),
        ):
            pk = other.make(kind, 1)
            assert caller.get(f"/{path}/{pk}")["id"] == pk
            assert [row["id"] for row in sandbox.dump(path)][1] == pk


def test_a_total_is_wrong_until_the_clock_of_the_sandbox_says_so(
    sandbox: Sandbox, caller: Caller, control: Any
) -> None:
    def total() -> Any:
        return caller.get("/orders?limit=1")["pagination"]["total"]

    right = total()
    sandbox.set_clock(1_800_000_000_000)
    sandbox.fault([{"action": "edit_total", "args": {"by": -3}, "times": 0, "seconds": 60}])
    assert total() == right - 3
    order = sandbox.dump("orders")[0]["id"]
    assert caller.get(f"/orders/{order}")["id"] == order
    assert caller.get("")["id"] == sandbox.store_id
    sandbox.set_clock(1_800_000_061_000)
    assert total() == right
    sandbox.set_clock(None)
    sandbox.clear_faults()
    sandbox.fault([{"action": "edit_total", "args": {"by": 5}, "times": 0, "seconds": 60}])
    sandbox.pass_time(seconds=59)
    assert total() == right + 5
    assert control("POST", "/settings", {"pass_seconds": 61}).status_code == 200
    assert total() == right


def test_the_command_takes_every_misbehaviour() -> None:
    options = (
        *("--orders", "250", "--products", "3", "--list-lag-seconds", "30"),
        *("--detail-lag-seconds", "20", "--lag-share", "0.5", "--lag-only", "orders,refunds"),
        *("--page-cap", "50", "--unstable-order", "--equal-times", "--odd-ids"),
        *("--foreign-ids", "8", "--registration-reply", "masked"),
    )
    with start_command(*options) as process:
        assert process.stdout is not None
        control = json.loads(process.stdout.readline())["control_url"]
        settings = requests.get(f"{control}/settings", timeout=10).json()["data"]
        dump = requests.get(f"{control}/dump?kind=orders", timeout=10).text.splitlines()
        process.terminate()
        process.communicate(timeout=10)
    assert settings["list_lag_seconds"] == 30
    assert settings["detail_lag_seconds"] == 20
    assert (settings["lag_share"], settings["lag_only"]) == (0.5, "orders,refunds")
    assert (settings["page_cap"], settings["unstable_order"]) == (50, True)
    assert settings["registration_reply"] == "masked"
    orders = [json.loads(line) for line in dump]
    assert len({order["createdAt"] for order in orders}) == 1
    assert orders[0]["id"] == Identities(8).make("order", 0)
    assert "/../x" not in orders[0]["id"]
    assert any(" 1" in order["id"] or "ö" in order["id"] for order in orders)
