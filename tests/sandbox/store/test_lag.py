"""Replicas that answer late, totals that are wrong for a while, permissions that come and go."""

from __future__ import annotations

import time
from typing import Any

from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from tests.sandbox.conftest import Caller

NOW_MS = 1_800_000_000_000


def newest(caller: Caller) -> Any:
    return caller.get("/orders?limit=1")["items"][0]["id"]


def test_lists_and_details_lag_each_by_itself(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock(NOW_MS)
    sandbox.set(list_lag_seconds=30.0, detail_lag_seconds=10.0)
    before = newest(caller)
    (made,) = sandbox.change([{"op": "create_order"}])
    assert newest(caller) == before
    assert caller.send("GET", f"/orders/{made}").status_code == 404
    sandbox.set_clock(NOW_MS + 11_000)
    assert newest(caller) == before
    assert caller.get(f"/orders/{made}")["id"] == made
    sandbox.set_clock(NOW_MS + 31_000)
    assert newest(caller) == made


def test_an_old_answer_is_the_newest_one_of_its_time(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set(detail_lag_seconds=30.0)
    for second, amount in enumerate((1, 2, 3)):
        sandbox.set_clock(NOW_MS + second * 1000)
        (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": amount}}])
    sandbox.set_clock(NOW_MS + 31_500)
    assert caller.get(f"/orders/{pk}")["amount"] == 2
    assert sandbox.dump("orders")[3]["amount"] == 3


def test_one_kind_lags_and_some_of_the_requests(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock(NOW_MS)
    sandbox.set(detail_lag_seconds=30.0, lag_only="products", lag_share=0.5)
    (order,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 7}}])
    (product,) = sandbox.change([{"op": "edit_product", "index": 3, "fields": {"price": 7}}])
    assert all(caller.get(f"/orders/{order}")["amount"] == 7 for _ in range(9))
    assert {caller.get(f"/products/{product}")["price"] == 7 for _ in range(40)} == {True, False}


def test_writes_through_the_api_lag_too(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock(NOW_MS)
    sandbox.set(detail_lag_seconds=30.0)
    product = caller.get("/products?limit=1")["items"][0]["id"]
    assert caller.send("PATCH", f"/products/{product}", body={"title": "new"}).status_code == 200
    assert caller.get(f"/products/{product}")["title"] != "new"
    assert caller.get("/products?limit=1")["items"][0]["title"] == "new"


def test_a_total_is_wrong_for_a_while(sandbox: Sandbox, caller: Caller) -> None:
    def total() -> int:
        return caller.get("/orders?limit=1")["pagination"]["total"]  # type: ignore[no-any-return]

    right = total()
    sandbox.fault([{"action": "edit_total", "args": {"by": -3}, "times": 0, "seconds": 0.3}])
    assert total() == right - 3
    time.sleep(0.35)
    assert total() == right


def test_permissions_are_taken_and_given_back(sandbox: Sandbox, caller: Caller, control) -> None:
    token = sandbox.hmac_token.token_id
    assert control("POST", f"/tokens/{token}", {"permissions": ["ORDERS_READ"]}).status_code == 200
    refused = caller.send("GET", "/refunds")
    assert (refused.status_code, "REFUNDS_READ" in refused.text) == (403, True)
    sandbox.permit_token(token, ALL_PERMISSIONS)
    assert caller.send("GET", "/refunds").status_code == 200
    assert control("POST", "/tokens/stk_none", {"permissions": []}).status_code == 400
