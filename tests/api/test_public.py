"""The client of the public APIs sends no credential, and opens no session twice."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest
import responses

from pandabase_django.api.auth import NoAuth
from pandabase_django.api.operations import OPERATIONS, PUBLIC_OPERATIONS
from pandabase_django.api.params import CheckoutBody, EstimateBody
from pandabase_django.api.public import PublicClient
from pandabase_django.exceptions import InvalidRequest, PandabaseError
from tests.api.wire.sending import BASE, KNOWN, UNKNOWN, transport

CHECKOUTS = f"{BASE}/v2/stores/shp_1/checkouts"
STOREFRONT = f"{BASE}/v2/storefront/stores/shp_1"
SESSION: dict[str, Any] = {
    "id": "cs_1",
    "title": "Shop",
    "checkout_url": "https://checkout.example.com/cs_1",
    "pay_redirect_url": "https://pay.example.com/cs_1",
    "amount": 1900,
    "discount_amount": 100,
    "tax_amount": 342,
    "total_amount": 2142,
    "coupon": {"code": "TEN", "discount_amount": 100},
    "items": [{"name": "Plan", "amount": 950, "quantity": 2, "image": None}],
    "metadata": {"a": "b"},
    "return_url": "https://shop.example.com/back",
    "expires_at": 1_790_000_000_000,
    "new": {"kept": 1},
}
ESTIMATE: dict[str, Any] = {
    "merchant": {"id": "shp_1", "name": "Shop", "handle": "shop"},
    "subtotal": 1900,
    "discount": {"code": "TEN", "amount": 100, "type": "FIXED_AMOUNT", "value": 100},
    "tax": {"rate": 0.19, "amount": 342},
    "total": 2142,
    "items": [],
    "available_payment_methods": ["CARD", "IDEAL"],
}
BODY: CheckoutBody = {"items": [{"product_id": "prd_1", "quantity": 2}]}
ESTIMATED: EstimateBody = {"items": [{"name": "x", "amount": 100, "quantity": 1}], "country": "DE"}


def client(**options: Any) -> PublicClient:
    return PublicClient(transport(auth=NoAuth(), token_key="public-shp_1", **options))


def answer(data: object) -> dict[str, Any]:
    return {"ok": True, "data": data}


@pytest.mark.fact(36, 43)
def test_the_public_operations_are_the_vendors_and_lie_beside_those_of_a_token() -> None:
    found = {(op.method, op.path.replace("{store_id}", "{}")) for op in PUBLIC_OPERATIONS.values()}
    assert found == {
        ("POST", "/v2/stores/{}/checkouts"),
        ("POST", "/v2/stores/{}/checkouts/estimate"),
        ("GET", "/v2/storefront/stores/{}"),
        ("GET", "/v2/storefront/stores/{}/products"),
        ("GET", "/v2/storefront/stores/{}/products/{product_id}"),
        ("GET", "/v2/storefront/stores/{}/categories"),
        ("GET", "/v2/storefront/stores/{}/categories/{category_id}"),
    }
    assert not PUBLIC_OPERATIONS.keys() & OPERATIONS.keys()


@pytest.mark.fact(36, 43)
def test_no_call_sends_a_credential(remote: responses.RequestsMock) -> None:
    empty = {"items": [], "pagination": {"page": 1, "limit": 100, "total": 0, "totalPages": 0}}
    remote.post(CHECKOUTS, status=201, json=answer(SESSION), headers={"Set-Cookie": "a=b"})
    remote.post(f"{CHECKOUTS}/estimate", json=answer(ESTIMATE))
    remote.get(STOREFRONT, json=answer({"id": "shp_1", "name": "Shop"}))
    remote.get(f"{STOREFRONT}/products", json=answer(empty))
    remote.get(f"{STOREFRONT}/products/prd_1", json=answer({"id": "prd_1", "price": 1900}))
    remote.get(f"{STOREFRONT}/categories", json=answer(empty))
    remote.get(f"{STOREFRONT}/categories/ctg_1", json=answer({"id": "ctg_1", "products": []}))
    with client() as public:
        public.checkout.create(BODY)
        public.checkout.estimate(ESTIMATED)
        assert public.storefront.store().name == "Shop"
        assert public.storefront.products.list(page=1, sort_by="price").items == ()
        assert public.storefront.products.get("prd_1").price_minor == 1900
        assert list(public.storefront.categories.iterate(featured=True)) == []
        assert public.storefront.categories.get("ctg_1").product_ids == ()
    assert len(remote.calls) == len(PUBLIC_OPERATIONS)
    for call in remote.calls:
        sent = " ".join(call.request.headers)
        assert not re.search("authorization|signature|cookie|idempotency", sent, re.IGNORECASE)


@pytest.mark.fact(37)
def test_a_session_is_read_whole(remote: responses.RequestsMock) -> None:
    remote.post(CHECKOUTS, status=201, json=answer(SESSION))
    session = client().checkout.create(BODY)
    assert (session.id, session.checkout_url) == ("cs_1", "https://checkout.example.com/cs_1")
    assert (session.amount_minor, session.discount_amount_minor) == (1900, 100)
    assert (session.tax_amount_minor, session.total_amount_minor) == (342, 2142)
    assert (session.coupon_code, session.metadata) == ("TEN", {"a": "b"})
    assert session.items is not None
    assert [(line.name, line.amount_minor, line.quantity) for line in session.items] == [
        ("Plan", 950, 2)
    ]
    assert session.expires_at == datetime.fromtimestamp(1_790_000_000, tz=timezone.utc)
    assert session.payload["new"] == {"kept": 1}
    assert session.warnings == ()


@pytest.mark.fact(37)
@pytest.mark.parametrize(
    "form",
    [
        {"id": None, "session_id": "cs_1"},
        {"session_id": "cs_2"},
        {"expires_at": 1_790_000_000},
        {"expires_at": "2026-09-21T14:13:20Z"},
        {"items": None, "metadata": None, "coupon": None, "title": None},
    ],
)
def test_a_session_is_read_in_every_form(
    remote: responses.RequestsMock, form: dict[str, Any]
) -> None:
    remote.post(CHECKOUTS, status=201, json=answer(SESSION | form))
    session = client().checkout.create(BODY)
    assert session.id == "cs_1"
    assert session.expires_at == datetime.fromtimestamp(1_790_000_000, tz=timezone.utc)
    assert session.warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://checkout.example.com/cs_1",
        "//checkout.example.com/cs_1",
        "https://user@checkout.example.com/",
        "https:\\\\checkout.example.com",
        "https://checkout.example.com/\n",
        "https://[x",
        "https://a/" + "a" * 2000,
        7,
    ],
)
def test_no_buyer_is_sent_to_an_address_that_is_not_https(
    remote: responses.RequestsMock, url: object
) -> None:
    remote.post(CHECKOUTS, status=201, json=answer(SESSION | {"checkout_url": url}))
    session = client().checkout.create(BODY)
    assert session.checkout_url is None
    assert len(session.warnings) == 1


def test_a_long_address_is_never_cut(remote: responses.RequestsMock) -> None:
    url = "http://127.0.0.1:8000/" + "a" * 900
    remote.post(CHECKOUTS, status=201, json=answer(SESSION | {"checkout_url": url}))
    assert client().checkout.create(BODY).checkout_url == url


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_session_is_opened_by_one_request_and_a_lost_answer_says_so(
    remote: responses.RequestsMock, kind: str
) -> None:
    remote.post(CHECKOUTS, **UNKNOWN[kind])
    with pytest.raises(PandabaseError) as caught:
        client().checkout.create(BODY)
    assert len(remote.calls) == 1
    assert (caught.value.retryable, caught.value.outcome_unknown) == (False, True)


@pytest.mark.parametrize("kind", KNOWN)
def test_a_session_that_was_refused_was_surely_not_opened(
    remote: responses.RequestsMock, kind: str
) -> None:
    remote.post(CHECKOUTS, **KNOWN[kind])
    with pytest.raises(PandabaseError) as caught:
        client().checkout.create(BODY)
    assert (caught.value.retryable, caught.value.outcome_unknown) == (False, False)


def test_an_exhausted_limit_is_no_unknown_outcome(remote: responses.RequestsMock) -> None:
    remote.post(CHECKOUTS, status=429, json={"ok": False, "error": "slow down"})
    with pytest.raises(PandabaseError) as caught:
        client(retries=0, max_wait_seconds=0.0).checkout.create(BODY)
    assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
    assert caught.value.retry_after_seconds is not None


@pytest.mark.parametrize("kind", ["500", "a page", "silence", "a broken connection"])
def test_an_estimate_may_be_asked_for_again(remote: responses.RequestsMock, kind: str) -> None:
    url = f"{CHECKOUTS}/estimate"
    remote.post(url, **UNKNOWN[kind])
    remote.post(url, json=answer(ESTIMATE))
    estimate = client().checkout.estimate(ESTIMATED)
    assert len(remote.calls) == 2
    assert (estimate.subtotal_minor, estimate.total_minor) == (1900, 2142)
    assert (estimate.tax_rate, estimate.tax_amount_minor) == ("0.19", 342)
    assert (estimate.discount_code, estimate.discount_amount_minor) == ("TEN", 100)
    assert estimate.payment_methods == ("CARD", "IDEAL")


def test_what_an_estimate_does_not_say_is_no_error(remote: responses.RequestsMock) -> None:
    remote.post(f"{CHECKOUTS}/estimate", json=answer({"discount": None}))
    estimate = client().checkout.estimate(ESTIMATED)
    assert (estimate.total_minor, estimate.discount_amount_minor, estimate.items) == (None,) * 3


def test_the_remotes_words_are_shown_without_credentials(remote: responses.RequestsMock) -> None:
    text = "Coupon sk_live_abcdefgh is unknown"
    remote.post(CHECKOUTS, status=400, json={"ok": False, "error": text})
    with pytest.raises(InvalidRequest, match="Coupon •••• is unknown"):
        client().checkout.create(BODY)


def test_nothing_is_sent_that_an_operation_does_not_take() -> None:
    public = client()
    with pytest.raises(TypeError, match="no query parameter colour"):
        public.storefront.products.list(colour="red")
    with pytest.raises(TypeError, match="no idempotency key"):
        public.request("checkout_create", body=BODY, idempotency_key="12345678")
    with pytest.raises(LookupError):
        public.request("order_get")


def test_a_session_that_was_never_sent_may_be_opened_again() -> None:
    with pytest.raises(PandabaseError) as caught:
        client(base_url="http://127.0.0.1:9", retries=0).checkout.create(BODY)
    assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
