from __future__ import annotations

import threading

import pytest

from tests.sandbox.conftest import Caller

PRODUCT = {
    "title": "Crème ☕",
    "price": 1234,
    "productType": "LICENSE_KEY",
    "variants": [{"title": "Solo", "options": {"Plan": "Solo"}, "price": 900}],
    "options": [{"name": "Plan", "values": ["Solo"]}],
}


def test_a_product_is_created_changed_and_deleted(caller: Caller) -> None:
    category = caller.sandbox.dump("categories")[0]
    response = caller.send("POST", "/products", body={**PRODUCT, "categoryIds": [category["id"]]})
    assert response.status_code == 201
    made = response.json()["data"]
    assert made["title"] == "Crème ☕"
    assert made["variants"][0]["price"] == 900
    assert made["categories"] == [{key: category[key] for key in ("id", "name", "slug")}]
    assert caller.get("/products?limit=1")["items"] == [made]

    variant = made["variants"][0]
    change = {"price": 2000, "variants": [{"id": variant["id"], "price": 950}]}
    changed = caller.send("PATCH", f"/products/{made['id']}", body=change).json()["data"]
    assert changed["price"] == 2000
    assert changed["variants"] == [{**variant, "price": 950}]
    assert caller.get(f"/products/{made['id']}") == changed

    assert caller.send("DELETE", f"/products/{made['id']}").json()["data"] == {"deleted": True}
    assert made["id"] not in {item["id"] for item in caller.everything("/products")}
    assert caller.send("DELETE", f"/products/{made['id']}").status_code == 404
    dumped = {product["id"]: product for product in caller.sandbox.dump("products")}
    assert dumped[made["id"]]["_deleted"] is True
    live = caller.sandbox.dump("products", include_deleted=False)
    assert made["id"] not in {product["id"] for product in live}


@pytest.mark.fact(20)
def test_a_deleted_product_is_404_or_200_as_set(caller: Caller) -> None:
    (product,) = caller.sandbox.change([{"op": "delete_product", "index": 3}])
    assert caller.send("GET", f"/products/{product}").status_code == 404
    caller.sandbox.set(deleted_product_get="200")
    assert caller.get(f"/products/{product}")["id"] == product
    caller.sandbox.change([{"op": "undelete_product", "id": product}])
    assert product in {item["id"] for item in caller.everything("/products")}


@pytest.mark.fact(9)
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"title": "x", "price": -1, "productType": "LICENSE_KEY"},
        {"title": "x", "price": True, "productType": "LICENSE_KEY"},
        {"title": "x", "price": 1.5, "productType": "LICENSE_KEY"},
        {"title": "", "price": 1, "productType": "LICENSE_KEY"},
        {"title": "x", "price": 1, "productType": "DIGITAL"},
        {**PRODUCT, "images": "no list"},
        {**PRODUCT, "images": [1]},
        {**PRODUCT, "variants": [{"price": -5}]},
    ],
)
def test_an_invalid_body_is_422_and_changes_nothing(caller: Caller, body: object) -> None:
    assert caller.send("POST", "/products", body=body).status_code == 422
    assert caller.sandbox.counts()["products"] == 30


def test_a_body_that_breaks_a_rule_is_400_and_changes_nothing(caller: Caller) -> None:
    body = {**PRODUCT, "categoryIds": ["ctg_unknown_unknown"]}
    assert caller.send("POST", "/products", body=body).status_code == 400
    assert caller.sandbox.counts()["products"] == 30


def test_a_body_that_is_no_json_is_400(caller: Caller) -> None:
    for body in (b"{", b"\xff\xfe", b"title=x"):
        assert caller.send("POST", "/products", body=body).status_code == 400


def test_a_category_is_created_changed_and_deleted_with_its_products(caller: Caller) -> None:
    product = caller.sandbox.dump("products")[0]["id"]
    body = {"name": "Fresh Things", "productIds": [product]}
    response = caller.send("POST", "/categories", body=body)
    assert response.status_code == 201
    made = response.json()["data"]
    assert made["slug"] == "fresh-things"
    assert made["id"] in {found["id"] for found in caller.get(f"/products/{product}")["categories"]}
    caller.send("PATCH", f"/categories/{made['id']}", body={"name": "Stale Things"})
    shown = {found["id"]: found for found in caller.get(f"/products/{product}")["categories"]}
    assert shown[made["id"]]["name"] == "Stale Things"
    assert caller.send("PATCH", f"/categories/{made['id']}", body={"name": "é"}).status_code == 422
    assert caller.send("DELETE", f"/categories/{made['id']}").status_code == 200
    assert caller.send("GET", f"/categories/{made['id']}").status_code == 404
    left = caller.get(f"/products/{product}")["categories"]
    assert made["id"] not in {found["id"] for found in left}


@pytest.mark.fact(35)
def test_a_webhook_shows_its_secret_once(caller: Caller) -> None:
    body = {"url": "https://shop.example/hook", "eventTypes": ["PAYMENT_COMPLETED"]}
    response = caller.send("POST", "/webhooks", body=body)
    assert response.status_code == 201
    made = response.json()["data"]
    secret = made.pop("secret")
    assert made["signatureVersion"] == "V2"
    assert caller.get(f"/webhooks/{made['id']}") == made
    assert secret not in caller.send("GET", "/webhooks").text
    changed = caller.send("PATCH", f"/webhooks/{made['id']}", body={"isEnabled": False})
    assert changed.json()["data"]["isEnabled"] is False
    for bad in ({**body, "url": "http://shop.example"}, {**body, "eventTypes": []}):
        assert caller.send("POST", "/webhooks", body=bad).status_code == 422
    assert caller.send("DELETE", f"/webhooks/{made['id']}").status_code == 200
    assert caller.get("/webhooks")["items"] == []


def completed(caller: Caller) -> str:
    found: str = caller.get("/orders?status=COMPLETED&limit=1")["items"][0]["id"]
    return found


@pytest.mark.fact(23, 27, 28)
def test_a_refund_moves_order_payment_ledger_and_lists(caller: Caller) -> None:
    order = completed(caller)
    before = caller.get(f"/orders/{order}")
    balance = caller.get("")["balance"]
    response = caller.send("POST", f"/refunds/orders/{order}", body={"reason": "DUPLICATE"})
    assert response.status_code == 200
    refund = response.json()["data"]
    after = caller.get(f"/orders/{order}")
    assert after["status"] == after["payment"]["status"] == "REFUNDED"
    assert after["updatedAt"] > before["updatedAt"]
    assert caller.get("/refunds?limit=1")["items"][0]["id"] == refund["id"]
    assert caller.get(f"/refunds/{refund['id']}") == refund
    assert [found["id"] for found in caller.get(f"/orders/{order}/refunds")] == [refund["id"]]
    entry = caller.get("/payouts/ledger?limit=1")["items"][0]
    assert (entry["type"], entry["amount"]) == ("REFUND_INSTANT", -refund["amount"])
    assert caller.get("")["balance"] == balance - refund["amount"]
    again = caller.send("POST", f"/refunds/orders/{order}", body={})
    assert again.status_code == 400
    assert caller.send("POST", "/refunds/orders/ord_unknown", body={}).status_code == 404
    bad = caller.send("POST", f"/refunds/orders/{completed(caller)}", body={"reason": "WHIM"})
    assert bad.status_code == 422


def test_evidence_puts_a_dispute_under_review(caller: Caller) -> None:
    dispute = caller.get("/disputes?status=AWAITING_REVIEW&limit=1")["items"][0]["id"]
    path, body = f"/disputes/{dispute}/evidence", {"access_activity_log": "Signed in twice."}
    assert caller.send("POST", path, body={}).status_code == 422
    assert caller.send("POST", path, body=body).json()["data"]["status"] == "UNDER_REVIEW"
    assert caller.get(f"/disputes/{dispute}")["evidence"] == body
    assert caller.send("POST", path, body=body).status_code == 400


@pytest.mark.fact(10)
def test_an_idempotency_key_replays_a_refund(caller: Caller) -> None:
    order = completed(caller)
    key = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}
    path = f"/refunds/orders/{order}"
    first = caller.send("POST", path, body={"reason": "DUPLICATE"}, headers=key)
    second = caller.send("POST", path, body={"reason": "DUPLICATE"}, headers=key)
    assert first.json() == second.json()
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    other = caller.send("POST", path, body={"reason": "FRAUDULENT"}, headers=key)
    assert other.status_code == 422
    assert len(caller.get(f"/orders/{order}/refunds")) == 1


@pytest.mark.fact(10)
def test_a_key_in_flight_is_409(caller: Caller) -> None:
    path, key = f"/refunds/orders/{completed(caller)}", {"Idempotency-Key": "k" * 32}
    caller.sandbox.set(latency_ms=400)
    statuses: list[int] = []
    second = Caller(caller.sandbox, caller.token)
    threads = [
        threading.Thread(
            target=lambda one=one: statuses.append(
                one.send("POST", path, body={}, headers=key).status_code
            )
        )
        for one in (caller, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.session.close()
    assert sorted(statuses) == [200, 409]


@pytest.mark.fact(10)
def test_a_malformed_key_is_400(caller: Caller) -> None:
    for key in ("short", "x" * 33, "has space in it"):
        assert caller.send("GET", "", headers={"Idempotency-Key": key}).status_code == 400
