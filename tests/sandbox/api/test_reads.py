from __future__ import annotations

import pytest

from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.api.routes import OPERATIONS
from tests.facts.store_api import FACTS, shape
from tests.sandbox.conftest import Caller


@pytest.mark.fact(19)
@pytest.mark.parametrize(
    ("path", "kind", "key"),
    [
        ("/orders?sort=asc", "orders", "id"),
        ("/products?sortOrder=asc", "products", "id"),
        ("/categories?sortOrder=asc", "categories", "id"),
        ("/refunds?sort=asc", "refunds", "id"),
        ("/disputes?sort=asc", "disputes", "id"),
        ("/customers?sortOrder=asc", "customers", "id"),
        ("/orders/payments?sort=asc", "payments", "id"),
    ],
)
@pytest.mark.parametrize("limit", [7, 100])
def test_paging_shows_every_object_once(
    caller: Caller, path: str, kind: str, key: str, limit: int
) -> None:
    listed = [item[key] for item in caller.everything(path, limit=limit)]
    assert listed == [item[key] for item in caller.sandbox.dump(kind)]


@pytest.mark.fact(2)
def test_collections_answer_with_and_without_a_slash_at_the_end(caller: Caller) -> None:
    for path in ("/products", "/orders", "/orders/payments", "/refunds", ""):
        assert caller.get(path) == caller.get(path + "/")


@pytest.mark.fact(19)
def test_pagination_tells_where_one_is(caller: Caller) -> None:
    data = caller.get("/orders?limit=100&page=7")
    assert data["pagination"] == {"page": 7, "limit": 100, "total": 650, "totalPages": 7}
    assert len(data["items"]) == 50
    assert caller.get("/orders?page=99")["items"] == []
    assert caller.get("/orders")["pagination"]["limit"] == 25


@pytest.mark.parametrize(
    "path",
    [
        "/orders?limit=101",
        "/orders?limit=0",
        "/orders?limit=x",
        "/orders?page=0",
        "/orders?page=-1",
        "/orders?page=",
        "/orders?status=DONE",
        "/orders?sort=up",
        "/orders?search=" + "x" * 129,
        "/products?sortBy=colour",
        "/products?inStock=yes",
        "/refunds?status=SUCCESSFUL",
        "/disputes?needsEvidence=1",
        "/payouts/ledger?type=GIFT",
        "/customers?sortBy=age",
    ],
)
@pytest.mark.fact(9)
def test_a_bad_query_is_400(caller: Caller, path: str) -> None:
    response = caller.send("GET", path)
    assert response.status_code == 400
    assert response.json()["ok"] is False


@pytest.mark.fact(21)
def test_orders_are_listed_newest_first_without_line_items(caller: Caller) -> None:
    items = caller.everything("/orders")
    moments = [item["createdAt"] for item in items]
    assert moments == sorted(moments, reverse=True)
    wanted = {
        "id", "orderNumber", "status", "amount", "currency", "discounted", "discountCode",
        "customer", "payment", "createdAt",
    }  # fmt: skip
    assert {frozenset(item) for item in items} == {frozenset(wanted)}


@pytest.mark.fact(21)
def test_details_equal_the_dump(caller: Caller) -> None:
    for kind, path in [
        ("orders", "/orders/"),
        ("products", "/products/"),
        ("categories", "/categories/"),
        ("refunds", "/refunds/"),
        ("disputes", "/disputes/"),
        ("customers", "/customers/"),
        ("coupons", "/coupons/"),
        ("subscriptions", "/subscriptions/"),
        ("licenses", "/licenses/"),
        ("payments", "/orders/payments/"),
    ]:
        for found in caller.sandbox.dump(kind)[::9]:
            assert caller.get(path + found["id"]) == found
    order = caller.sandbox.dump("orders")[0]
    assert {"items", "billingAddress", "licenses", "updatedAt"} <= set(order)
    assert [caller.get("")] == caller.sandbox.dump("store")


def test_filters_by_status_show_what_the_dump_has(caller: Caller) -> None:
    orders = caller.sandbox.dump("orders")
    for status, count in caller.sandbox.counts()["orders_by_status"].items():
        listed = [item["id"] for item in caller.everything(f"/orders?status={status}&sort=asc")]
        assert listed == [order["id"] for order in orders if order["status"] == status]
        assert len(listed) == count > 0
    payments = caller.sandbox.dump("payments")
    for status in ("COMPLETED", "REFUNDED", "DISPUTED", "FAILED"):
        listed = [item["id"] for item in caller.everything(f"/orders/payments?status={status}")]
        assert sorted(listed) == sorted(p["id"] for p in payments if p["status"] == status)
    disputes = caller.sandbox.dump("disputes")
    due = [found["id"] for found in disputes if found["status"] == "AWAITING_REVIEW"]
    listed = [item["id"] for item in caller.everything("/disputes?needsEvidence=true&sort=asc")]
    assert listed == due != []


def test_orders_are_found_by_id_number_address_and_part_of_it(caller: Caller) -> None:
    order = next(
        order for order in caller.sandbox.dump("orders") if (order["customer"] or {}).get("email")
    )
    assert [item["id"] for item in caller.everything(f"/orders?search={order['id']}")] == [
        order["id"]
    ]
    number = order["orderNumber"]
    assert [item["id"] for item in caller.everything(f"/orders?search={number}")] == [order["id"]]
    assert [item["id"] for item in caller.everything(f"/orders?search={number[3:15]}")] == [
        order["id"]
    ]
    email = order["customer"]["email"]
    mine = caller.everything(f"/orders?search={email}")
    assert order["id"] in {item["id"] for item in mine}
    assert {item["customer"]["email"] for item in mine} == {email}


def test_products_are_filtered_and_sorted(caller: Caller) -> None:
    everything = caller.sandbox.dump("products")
    for path, wanted in [
        ("status=DRAFT", lambda p: p["status"] == "DRAFT"),
        ("inStock=false", lambda p: not p["inStock"]),
        ("productType=LICENSE_KEY", lambda p: p["productType"] == "LICENSE_KEY"),
        ("search=caf%C3%A9", lambda p: "café" in p["title"].lower()),
    ]:
        listed = {item["id"] for item in caller.everything(f"/products?{path}")}
        assert listed == {product["id"] for product in everything if wanted(product)} != set()
    category = next(p for p in everything if p["categories"])["categories"][0]["id"]
    for item in caller.everything(f"/products?categoryId={category}"):
        assert category in {found["id"] for found in item["categories"]}
    prices = [item["price"] for item in caller.everything("/products?sortBy=price&sortOrder=asc")]
    assert prices == sorted(product["price"] for product in everything)


@pytest.mark.fact(20)
def test_products_sort_by_update_without_showing_it_unless_asked(sandbox: Sandbox) -> None:
    caller = Caller(sandbox, sandbox.hmac_token)
    before = caller.everything("/products?sortBy=updatedAt&sortOrder=desc")
    assert "updatedAt" not in before[0]
    sandbox.change([{"op": "edit_product", "id": before[-1]["id"], "fields": {"price": 1}}])
    after = caller.everything("/products?sortBy=updatedAt&sortOrder=desc")
    assert [item["id"] for item in after] == [before[-1]["id"], *(p["id"] for p in before[:-1])]
    sandbox.set(product_timestamps=True)
    moments = [p["updatedAt"] for p in caller.everything("/products?sortBy=updatedAt")]
    assert moments == sorted(moments, reverse=True)
    caller.session.close()


def test_customers_add_up_and_sort(caller: Caller) -> None:
    orders = caller.sandbox.dump("orders")
    for customer in caller.everything("/customers")[::5]:
        mine = [order for order in orders if (order["customer"] or {}).get("id") == customer["id"]]
        assert customer["orderCount"] == len(mine) > 0
        assert customer["createdAt"] <= min(order["createdAt"] for order in mine)
        spent = sum(order["amount"] for order in mine if order["status"] == "COMPLETED")
        assert customer["totalSpent"] == spent
    counts = [found["orderCount"] for found in caller.everything("/customers?sortBy=orderCount")]
    assert counts == sorted(counts, reverse=True)
    assert len(caller.everything("/customers?search=buyer.7@")) == 1


@pytest.mark.fact(23)
def test_the_ledger_adds_up_and_the_newest_stands_first(caller: Caller) -> None:
    entries = caller.everything("/payouts/ledger")
    moments = [entry["createdAt"] for entry in entries]
    assert moments == sorted(moments, reverse=True)
    balance = 0
    for entry in reversed(entries):
        balance += entry["amount"]
        assert entry["runningBalance"] == balance
    assert caller.get("")["balance"] == balance
    kinds = {entry["type"] for entry in entries}
    assert {"OPENING_BALANCE", "PAYMENT_RECEIVED", "REFUND_INSTANT", "DISPUTE_CREATED"} <= kinds
    assert {e["type"] for e in caller.everything("/payouts/ledger?type=DISPUTE_WON")} == {
        "DISPUTE_WON"
    }


def test_what_is_not_there_is_404(caller: Caller) -> None:
    order = caller.sandbox.dump("orders")[0]
    for path in [
        "/orders/ord_000000000000000000000000",
        "/orders/" + order["id"].replace("ord_", "prd_"),
        "/products/prd_unknown",
        "/customers/cus_unknown",
        "/refunds/rfd_unknown",
        "/payouts/pto_unknown",
        "/orders/payments/pmt_unknown",
        "/orders/ord_unknown/refunds",
        "/nothing",
        "/v2/core/stores/shp_another/products",
        "/v2/nothing",
    ]:
        response = caller.send("GET", path)
        assert response.status_code == 404, path
        assert response.json()["ok"] is False


def test_another_method_is_405_and_the_allowed_ones_are_named(caller: Caller) -> None:
    response = caller.send("PUT", "/products/prd_unknown", body={})
    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, PATCH"
    assert caller.send("DELETE", "/orders/ord_unknown").status_code == 405


@pytest.mark.fact(8, 29)
def test_every_answer_carries_the_standard_headers(caller: Caller) -> None:
    seen = set()
    for method, path in [("GET", ""), ("GET", "/nothing"), ("PUT", ""), ("GET", "/orders?page=0")]:
        headers = caller.send(method, path).headers
        assert headers["X-Version"]
        assert headers["X-RateLimit-Type"] == "AccountResource"
        assert int(headers["X-RateLimit-Remaining"]) < int(headers["X-RateLimit-Limit"])
        assert headers["X-RateLimit-Reset"].isdigit()
        assert headers["Date"].endswith(" GMT")
        seen.add(headers["X-Request-ID"])
    assert len(seen) == 4


@pytest.mark.fact(12)
def test_methods_paths_and_permissions_are_the_vendors() -> None:
    found = {(each.method, shape(each.path), each.permission) for each in OPERATIONS}
    assert found == {(fact.method, fact.path, fact.permission) for fact in FACTS}
