"""Anybody opens a session, and the sandbox is as strict about it as the vendor's description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.sandbox.checkout.conftest import Stranger

Product = Callable[..., str]
FREE = {"name": "Extra", "amount": 500, "quantity": 2}
BILLING = {"line1": "1 Way", "city": "Bonn", "state": "NW", "postal_code": "53", "country": "DE"}
CUSTOMER = {"name": "Ann Lee", "email": "ann@example.com", "billing": BILLING}
NICK = {"key": "nick", "label": {"type": "custom", "custom": "Nick"}, "type": "text"}
SIX_HOURS_MS = 6 * 3_600_000


@pytest.mark.fact(36, 37)
def test_a_session_shows_items_sums_and_when_it_ends(
    sandbox: Sandbox, stranger: Stranger, product: Product
) -> None:
    sandbox.set_clock(1_790_000_000_000)
    session = stranger.open(
        items=[{"product_id": product(), "quantity": 2}, FREE],
        amount=6800,
        customer=CUSTOMER,
        coupon_code="welcome10",
        metadata={"a": "b"},
        return_url="https://shop.example.com/back",
    )
    assert session["id"].startswith("cs_")
    assert session["checkout_url"].startswith(f"{sandbox.url}/pay/stores/{sandbox.store_id}/sids/")
    assert [(item["name"], item["amount"], item["quantity"]) for item in session["items"]] == [
        ("Pro plan", 2900, 2),
        ("Extra", 500, 2),
    ]
    sums = [session[f"{name}amount"] for name in ("", "discount_", "tax_", "total_")]
    assert sums == [6800, 680, 1163, 7283]
    assert session["coupon"] == {"code": "WELCOME10", "discount_amount": 680}
    assert session["expires_at"] == 1_790_000_000_000 + SIX_HOURS_MS
    assert session["metadata"] == {"a": "b"}
    assert session["merchant"]["id"] == sandbox.store_id
    assert sandbox.requests()[-1]["token_id"] == ""


@pytest.mark.fact(37, 45)
def test_what_the_vendors_texts_contradict_is_a_setting(
    sandbox: Sandbox, stranger: Stranger
) -> None:
    cheap = {"name": "x", "amount": 10, "quantity": 10}
    assert stranger.refused(items=[cheap]) == (400, "amount is out of range")
    sandbox.set(session_id_field="session_id", least_item_cents=1)
    session = stranger.open(items=[cheap])
    assert "id" not in session
    assert session["session_id"].startswith("cs_")


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no items": ({"items": []}, 400, "items is out of range"),
    "eleven items": ({"items": [FREE] * 11}, 400, "items is out of range"),
    "quantity 0": ({"items": [FREE | {"quantity": 0}]}, 400, "quantity is out of range"),
    "quantity 1000": ({"items": [FREE | {"quantity": 1000}]}, 400, "quantity is out of range"),
    "both forms": (
        {"items": [FREE | {"product_id": "prd_1"}]},
        400,
        "Unknown fields: amount, name",
    ),
    "price": ({"items": [FREE | {"amount": 1_000_001}]}, 400, "amount is out of range"),
    "total": ({"items": [FREE | {"amount": 600_000}]}, 400, "The total must be at most"),
    "another amount": ({"amount": 999}, 400, "amount is 999, and the items cost 1000"),
    "unknown product": ({"items": [{"product_id": "prd_1", "quantity": 1}]}, 404, "not found"),
    "coupon": ({"coupon_code": "NOPE"}, 400, "Coupon NOPE is not valid"),
    "http": ({"return_url": "http://shop.example.com/"}, 400, "return_url must use https"),
    "no address": ({"cancel_url": "shop"}, 400, "cancel_url must use https"),
    "metadata": ({"metadata": {"a": 1}}, 400, "metadata takes texts"),
    "metadata key": ({"metadata": {"a" * 41: "x"}}, 400, "metadata takes texts"),
    "metadata value": ({"metadata": {"a": "x" * 501}}, 400, "metadata takes texts"),
    "metadata keys": ({"metadata": {str(n): "" for n in range(21)}}, 400, "more than 20 keys"),
    "fields": ({"display": {"fields": [NICK] * 4}}, 400, "fields is out of range"),
    "a field twice": ({"display": {"fields": [NICK] * 2}}, 400, "a key twice"),
    "customer": ({"customer": {"name": "x"}}, 400, "email is required"),
    "country": (
        {"customer": CUSTOMER | {"billing": BILLING | {"country": "Germany"}}},
        400,
        "country has the wrong format",
    ),
    "unknown field": ({"user": 1}, 400, "Unknown fields: user"),
}


@pytest.mark.fact(36, 39, 45)
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_body_is_refused_in_the_envelope(stranger: Stranger, case: str) -> None:
    body, status, text = WRONG[case]
    found = stranger.refused(**{"items": [FREE], **body})
    assert found[0] == status
    assert text in found[1]
    assert stranger.sandbox.dump("checkouts") == []


@pytest.mark.fact(45)
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"status": "DRAFT"}, "is not available"),
        ({"inStock": False}, "is out of stock"),
        ({"trackStock": True, "quantity": 1}, "is out of stock"),
        ({"maxPerCustomer": 1}, "at most 1"),
        ({"availableUntil": "2026-01-01T00:00:00Z"}, "is not available"),
        ({"price": 40}, "The total must be at least 100"),
    ],
)
def test_a_product_that_can_not_be_bought_is_refused(
    stranger: Stranger, product: Product, fields: dict[str, Any], text: str
) -> None:
    status, error = stranger.refused(items=[{"product_id": product(**fields), "quantity": 2}])
    assert status == 400
    assert text in error


@pytest.mark.fact(45)
def test_a_subscription_is_bought_alone(stranger: Stranger, product: Product) -> None:
    plan = {"product_id": product(productType="SUBSCRIPTION"), "quantity": 1}
    assert stranger.refused(items=[plan, FREE])[1] == (
        "A subscription can't be combined with other items"
    )
    assert stranger.open(items=[plan])["amount"] == 2900


def test_a_variant_has_its_own_price_and_name(stranger: Stranger, product: Product) -> None:
    variant = {"id": "var_team", "title": "Team", "price": 4900}
    identity = product(variants=[variant])
    item = {"product_id": identity, "quantity": 1}
    (line,) = stranger.open(items=[item | {"variant_id": "var_team"}])["items"]
    assert (line["name"], line["amount"]) == ("Pro plan / Team", 4900)
    assert "has no variant" in stranger.refused(items=[item | {"variant_id": "var_x"}])[1]


def test_what_costs_nothing_can_be_ordered(stranger: Stranger, product: Product) -> None:
    free = {"product_id": product(price=0, pricingModel="FREE"), "quantity": 1}
    assert stranger.open(items=[free])["total_amount"] == 0
    assert stranger.open(items=[FREE], coupon_code="GIFT")["total_amount"] == 0


def test_a_return_to_this_machine_may_use_http(stranger: Stranger) -> None:
    url = "http://127.0.0.1:8000/back?a=b"
    assert stranger.open(items=[FREE], return_url=url)["return_url"] == url


@pytest.mark.parametrize(
    ("place", "tax", "total"),
    [
        ({"country": "DE"}, 1900, 11_900),
        ({"country": "DE", "tax_id": "DE1"}, 0, 10_000),
        ({"country": "US", "state": "CA"}, 800, 10_800),
        ({"country": "CH"}, 0, 10_000),
    ],
)
@pytest.mark.fact(36)
def test_an_estimate_tells_tax_by_country_and_opens_nothing(
    stranger: Stranger, place: dict[str, str], tax: int, total: int
) -> None:
    items = [{"name": "x", "amount": 10_000, "quantity": 1}]
    estimate = stranger.estimate(items=items, **place)
    assert (estimate["subtotal"], estimate["tax"]["amount"], estimate["total"]) == (
        10_000,
        tax,
        total,
    )
    assert estimate["discount"] is None
    assert estimate["available_payment_methods"][0] == "CARD"
    assert stranger.sandbox.dump("checkouts") == []


def test_prices_may_include_the_tax(sandbox: Sandbox, stranger: Stranger) -> None:
    sandbox.set(tax_included=True)
    estimate = stranger.estimate(
        items=[{"name": "x", "amount": 11_900, "quantity": 1}], country="DE", coupon_code="HALF"
    )
    assert estimate["discount"] == {
        "code": "HALF",
        "amount": 5950,
        "type": "PERCENTAGE",
        "value": 50,
    }
    assert (estimate["tax"]["amount"], estimate["total"]) == (950, 5950)


def test_a_coupon_may_be_for_some_products_alone(
    sandbox: Sandbox, stranger: Stranger, product: Product
) -> None:
    cheaper, other = product(), product(title="Other")
    fields = {"code": "SIX", "type": "PERCENTAGE", "value": 50, "productIds": [cheaper]}
    sandbox.change([{"op": "create_coupon", "fields": fields}])
    items = [{"product_id": identity, "quantity": 1} for identity in (cheaper, other)]
    assert stranger.open(items=items, coupon_code="six")["discount_amount"] == 1450
    refused = stranger.refused(items=items[1:], coupon_code="SIX")
    assert refused == (400, "Coupon SIX is not for these items")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/stores/{store}/checkouts", 405),
        ("POST", "/v2/stores/shp_other/checkouts", 404),
        ("GET", "/v2/storefront/stores/shp_other", 404),
        ("GET", "/v2/storefront/stores/{store}/orders", 401),
    ],
)
def test_other_public_paths_are_no_way_in(
    stranger: Stranger, method: str, path: str, status: int
) -> None:
    path = path.format(store=stranger.sandbox.store_id)
    response = stranger.call(method, path, None if method == "GET" else {"items": [FREE]})
    assert (response.status_code, response.json()["ok"]) == (status, False)


def test_what_is_no_json_is_refused(stranger: Stranger) -> None:
    path = f"/v2/stores/{stranger.sandbox.store_id}/checkouts"
    assert stranger.call("POST", path, b"{").json() == {
        "ok": False,
        "error": "The body is not JSON",
    }


def test_faults_and_limits_strike_strangers_too(sandbox: Sandbox, stranger: Stranger) -> None:
    rule = {"action": "status", "args": {"status": 503}, "match": {"path_regex": "checkouts$"}}
    sandbox.fault([rule])
    assert stranger.refused(items=[FREE])[0] == 503
    sandbox.set(rate_limit=1)
    assert 429 in [stranger.refused(items=[])[0] for _ in range(4)]


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"startsAt": "2990-01-01T00:00:00.000Z"},
        {"expiresAt": "2020-01-01T00:00:00.000Z"},
        {"maxUses": 3, "timesUsed": 3},
        {"minimumPurchase": 100_000},
        None,
    ],
)
def test_a_coupon_that_can_not_be_used_now_is_refused(
    sandbox: Sandbox, stranger: Stranger, fields: dict[str, Any] | None
) -> None:
    change = {"op": "create_coupon", "fields": {"code": "MINE", "type": "FIXED", "value": 100}}
    (coupon,) = sandbox.change([change])
    assert stranger.open(items=[FREE], coupon_code="mine")["discount_amount"] == 100
    op = "edit_coupon" if fields else "delete_coupon"
    sandbox.change([{"op": op, "id": coupon, "fields": fields or {}}])
    status, text = stranger.refused(items=[FREE], coupon_code="MINE")
    assert (status, text) == (400, "Coupon MINE is not valid")
