from __future__ import annotations

import json

import pytest
import requests

from pandabase_django.sandbox import Sandbox
from tests.sandbox.conftest import Caller


def test_the_dump_streams_one_object_a_line(sandbox: Sandbox, control) -> None:
    sandbox.change([{"op": "edit_order", "index": 0, "fields": {"returnUrl": "a\u2028b\nc"}}])
    response = control("GET", "/dump?kind=orders&format=ndjson")
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.headers["Transfer-Encoding"] == "chunked"
    lines = response.content.decode().strip("\n").split("\n")
    assert [json.loads(line) for line in lines] == sandbox.dump("orders")
    assert len(lines) == 650
    assert control("GET", "/dump?kind=nothing").status_code == 400
    deleted = sandbox.change([{"op": "delete_product", "index": 1}])
    whole = control("GET", "/dump?kind=products").text
    assert deleted[0] in whole
    assert deleted[0] not in control("GET", "/dump?kind=products&include_deleted=0").text


def test_counts_equal_the_dumps(sandbox: Sandbox, control) -> None:
    sandbox.change(
        [
            {"op": "create_order", "count": 3, "status": "FAILED"},
            {"op": "refund_order", "index": 1},
            {"op": "delete_product", "index": 1},
        ]
    )
    counts = control("GET", "/counts").json()["data"]
    for kind in ("orders", "refunds", "disputes", "customers", "categories"):
        assert counts[kind] == len(sandbox.dump(kind)), kind
    products = sandbox.dump("products", include_deleted=False)
    assert counts["products"] == len(products) == 29
    assert counts["products_deleted"] == 1
    assert counts["variants"] == sum(len(product["variants"]) for product in products)
    assert counts["orders_by_status"]["FAILED"] == sum(
        order["status"] == "FAILED" for order in sandbox.dump("orders")
    )


def test_faults_changes_tokens_and_settings_work_over_http(caller: Caller, control) -> None:
    assert control("POST", "/faults", [{"action": "status"}]).json()["data"]["numbers"] == [1]
    assert caller.send("GET", "").status_code == 500
    (rule,) = control("GET", "/faults").json()["data"]
    assert (rule["matched"], rule["fired"]) == (1, 1)
    assert control("DELETE", "/faults").status_code == 200
    assert control("GET", "/faults").json()["data"] == []

    change = [{"op": "create_order"}]
    (made,) = control("POST", "/changes", change).json()["data"]["ids"]
    assert caller.get(f"/orders/{made}")["id"] == made

    described = control("POST", "/tokens", {"mode": "BEARER", "permissions": ["STORE_READ"]})
    assert described.status_code == 201
    token = described.json()["data"]
    answer = requests.get(
        f"{caller.sandbox.url}/v2/core/stores/{caller.sandbox.store_id}/",
        headers={"Authorization": f"Bearer {token['secret']}"},
        timeout=10,
    )
    assert answer.status_code == 200
    assert token["secret"] in control("GET", "/tokens?secrets=1").text

    assert control("POST", "/settings", {"rate_limit_type": "IP", "clock": 5}).status_code == 200
    assert caller.send("GET", "").headers["X-RateLimit-Type"] == "IP"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", [{"action": "explode"}]),
        ("/faults", "text"),
        ("/changes", [{"op": "explode"}]),
        ("/changes", ["text"]),
        ("/tokens", {"mode": "OTHER"}),
        ("/settings", {"colour": "red"}),
        ("/settings", {"latency_ms": -1}),
        ("/settings", {"rate_limit": "5"}),
        ("/settings", {"roll_reply": "morse"}),
        ("/settings", {"clock": "yesterday"}),
    ],
)
def test_control_calls_that_make_no_sense_are_400(control, path: str, body: object) -> None:
    assert control("POST", path, body).status_code == 400


def test_requests_are_counted_and_logged(caller: Caller, control) -> None:
    before = caller.sandbox.requests_served
    caller.get("/orders?limit=1")
    caller.send("GET", "/nothing")
    found = control("GET", f"/requests?since={before}").json()["data"]
    assert found["total"] == before + 2 == caller.sandbox.requests_served
    assert [entry["status"] for entry in found["requests"]] == [200, 404]
    assert found["requests"][0]["query"] == "limit=1"
    assert found["requests"][0]["token_id"] == caller.token.token_id
    assert caller.sandbox.requests(since=before) == found["requests"]


def test_the_key_is_needed_when_the_sandbox_is_public() -> None:
    with Sandbox(products=1, orders=1) as local:
        assert requests.get(f"{local.url}/_sandbox/counts", timeout=10).status_code == 200
    with Sandbox(products=1, orders=1, force_public=True) as public:
        assert requests.get(f"{public.url}/_sandbox/counts", timeout=10).status_code == 403
        assert requests.get(f"{public.url}/_sandbox/wrong/counts", timeout=10).status_code == 403
        assert requests.get(f"{public.control_url}/counts", timeout=10).status_code == 200


def test_an_unknown_control_call_is_404(control) -> None:
    assert control("GET", "/nothing").status_code == 404
    assert control("PUT", "/settings").status_code == 404


def test_shutdown_ends_the_server(sandbox: Sandbox, control) -> None:
    assert control("POST", "/shutdown").status_code == 200
    sandbox.wait()
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=5)
