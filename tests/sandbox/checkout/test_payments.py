"""What a payment brings about: an order, its payment, events; or what a test forges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pandabase_django.sandbox import ChangeRefused, Sandbox
from tests.sandbox.checkout.conftest import Stranger
from tests.sandbox.webhooks.receiver import Receiver

Product = Callable[..., str]


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    with Receiver() as running:
        sandbox.add_webhook(running.url)
        yield running


def order_of(sandbox: Sandbox, identity: str) -> Any:
    return next(order for order in sandbox.dump("orders") if order["id"] == identity)


def events(sandbox: Sandbox) -> list[str]:
    return [delivery["event"] for delivery in sandbox.deliveries()]


@pytest.mark.fact(39, 40)
def test_a_paid_session_is_an_order_that_carries_its_number_metadata_and_fields(
    sandbox: Sandbox, stranger: Stranger, product: Product, receiver: Receiver
) -> None:
    identity = product(productType="LICENSE_KEY")
    session = stranger.open(
        items=[{"product_id": identity, "quantity": 2}],
        metadata={"ref": "abc"},
        coupon_code="WELCOME10",
        return_url="https://shop.example.com/back",
    )
    buyer = {"email": "new@example.com", "name": "Ann Lee", "country": "DE"}
    pay = {"op": "pay_checkout", "id": session["id"], "typed": {"nick": "Ann"}}
    _, number = sandbox.change([{**pay, **buyer}])
    order = order_of(sandbox, number)
    assert (order["orderNumber"], order["status"]) == (session["id"], "COMPLETED")
    assert (order["metadata"], order["customFields"]) == ({"ref": "abc"}, {"nick": "Ann"})
    assert (order["amount"], order["discountCode"]) == (5220, "WELCOME10")
    assert [c["timesUsed"] for c in sandbox.dump("coupons") if c["code"] == "WELCOME10"] == [1]
    payment = order["payment"]
    assert (payment["discountAmount"], payment["taxAmount"], payment["totalAmount"]) == (
        580,
        992,
        6212,
    )
    assert [(item["productId"], item["price"], item["quantity"]) for item in order["items"]] == [
        (identity, 2900, 2)
    ]
    assert [one["productId"] for one in order["licenses"]] == [identity]
    assert order["customer"]["email"] == "new@example.com"
    customer = sandbox.dump("customers")[-1]
    assert (customer["email"], customer["lastName"]) == ("new@example.com", "Lee")
    assert customer["orderCount"] == 1
    assert sandbox.dump("payments")[-1]["customer"]["lastName"] == "Lee"
    assert sandbox.dump("ledger")[-1]["amount"] == payment["settledAmount"] > 0
    assert sandbox.wait_for_deliveries()
    assert events(sandbox) == ["PAYMENT_PENDING", "PAYMENT_COMPLETED"]
    for delivered in receiver.received:
        told = json.loads(delivered.body)["data"]["order"]
        assert (told["orderNumber"], told["metadata"]) == (session["id"], {"ref": "abc"})
        assert told["customFields"] == {"nick": "Ann"}
    (shown,) = sandbox.dump("checkouts")
    assert (shown["state"], shown["orders"]) == ("PAID", [number])


@pytest.mark.fact(40)
def test_an_order_is_found_by_the_id_of_its_session(sandbox: Sandbox, stranger: Stranger) -> None:
    session = stranger.open(items=[{"name": "x", "amount": 500, "quantity": 1}])
    _, number = sandbox.change([{"op": "pay_checkout", "id": session["id"]}])
    token = sandbox.bearer_token.secret
    found = stranger.session.get(
        f"{sandbox.url}/v2/core/stores/{sandbox.store_id}/orders?search={session['id']}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert [order["id"] for order in found.json()["data"]["items"]] == [number]


def test_a_slow_payment_is_processed_first(
    sandbox: Sandbox, stranger: Stranger, product: Product, receiver: Receiver
) -> None:
    plan = {"product_id": product(productType="SUBSCRIPTION"), "quantity": 1}
    session = stranger.open(items=[plan])
    _, number = sandbox.change([{"op": "pay_checkout", "id": session["id"], "as": "async"}])
    assert order_of(sandbox, number)["status"] == "PROCESSING"
    assert sandbox.dump("checkouts")[0]["state"] == "PROCESSING"
    _, same = sandbox.change([{"op": "pay_checkout", "id": session["id"]}])
    assert same == number
    assert order_of(sandbox, number)["status"] == "COMPLETED"
    assert sandbox.wait_for_deliveries()
    assert events(sandbox) == [
        "PAYMENT_PENDING",
        "PAYMENT_PROCESSING",
        "PAYMENT_COMPLETED",
        "SUBSCRIPTION_CREATED",
    ]


@pytest.mark.fact(27)
def test_a_try_after_a_declined_payment_makes_another_order(
    sandbox: Sandbox, stranger: Stranger
) -> None:
    session = stranger.open(items=[{"name": "x", "amount": 500, "quantity": 1}])
    pay = {"op": "pay_checkout", "id": session["id"]}
    _, failed = sandbox.change([{**pay, "as": "decline"}])
    assert sandbox.dump("checkouts")[0]["state"] == "FAILED"
    _, paid = sandbox.change([pay])
    assert [order_of(sandbox, number)["status"] for number in (failed, paid)] == [
        "FAILED",
        "COMPLETED",
    ]
    assert order_of(sandbox, failed)["orderNumber"] == order_of(sandbox, paid)["orderNumber"]


def test_refunds_and_disputes_follow_as_for_any_order(sandbox: Sandbox, stranger: Stranger) -> None:
    session = stranger.open(items=[{"name": "x", "amount": 500, "quantity": 1}])
    _, number = sandbox.change([{"op": "pay_checkout", "id": session["id"]}])
    sandbox.change([{"op": "dispute_order", "id": number}])
    assert order_of(sandbox, number)["status"] == "CHARGEBACK"
    sandbox.change([{"op": "resolve_dispute", "id": number, "outcome": "WON"}])
    sandbox.change([{"op": "refund_order", "id": number}])
    assert order_of(sandbox, number)["status"] == "REFUNDED"
    assert sandbox.dump("checkouts")[0]["state"] == "PAID"


@pytest.mark.fact(36, 38)
def test_a_stranger_opens_a_session_for_any_name_price_and_metadata(sandbox: Sandbox) -> None:
    forged = {"name": "Pro plan", "amount": 100, "quantity": 1}
    (session,) = sandbox.change(
        [{"op": "open_checkout", "items": [forged], "metadata": {"user": "1"}}]
    )
    _, number = sandbox.change([{"op": "pay_checkout", "id": session}])
    order = order_of(sandbox, number)
    assert (order["amount"], order["metadata"]) == (100, {"user": "1"})
    with pytest.raises(ChangeRefused, match="return_url must use https"):
        sandbox.change([{"op": "open_checkout", "items": [forged], "return_url": "http://x.y"}])


def test_every_field_of_an_order_can_be_forged(sandbox: Sandbox, stranger: Stranger) -> None:
    session = stranger.open(items=[{"name": "x", "amount": 500, "quantity": 1}])
    item = {"id": "itm_1", "productId": "prd_1", "variantId": None, "name": "y", "quantity": 3}
    _, number = sandbox.change(
        [
            {
                "op": "pay_checkout",
                "id": session["id"],
                "again": True,
                "order_number": "cs_other",
                "currency": "EUR",
                "amount": 7,
                "tax": 1,
                "total": 8,
                "discount": 493,
                "coupon": "HALF",
                "items": [item | {"price": 2}],
                "presentment": "JPY",
                "fields": {"payment.taxId": "DE1"},
            }
        ]
    )
    order = order_of(sandbox, number)
    payment = order["payment"]
    assert (order["orderNumber"], order["currency"], order["amount"]) == ("cs_other", "EUR", 7)
    assert (payment["taxAmount"], payment["totalAmount"], payment["discountAmount"]) == (1, 8, 493)
    assert (order["discountCode"], payment["taxId"]) == ("HALF", "DE1")
    assert order["items"] == [item | {"price": 2}]
    assert (order["presentmentCurrency"], order["presentmentAmount"]) == ("JPY", 75_625)
    for wrong in ({"id": "cs_no"}, {"id": session["id"], "as": "cash"}):
        with pytest.raises(ChangeRefused):
            sandbox.change([{"op": "pay_checkout", **wrong}])


def test_the_buyer_names_the_price_where_the_product_says_so(
    sandbox: Sandbox, stranger: Stranger, product: Product
) -> None:
    identity = product(pricingModel="PAY_WHAT_YOU_WANT", minimumPrice=1000)
    session = stranger.open(items=[{"product_id": identity, "quantity": 1}])
    pay = {"op": "pay_checkout", "id": session["id"]}
    with pytest.raises(ChangeRefused, match="at least 1000"):
        sandbox.change([{**pay, "prices": {"0": 999}}])
    _, number = sandbox.change([{**pay, "prices": {"0": 5000}}])
    assert order_of(sandbox, number)["items"][0]["price"] == 5000
    assert order_of(sandbox, number)["amount"] == 5000


def test_the_settings_of_the_sandbox_are_those_of_its_changes(sandbox: Sandbox) -> None:
    sandbox.set(tax_included=True, least_item_cents=1)
    items = [{"name": "x", "amount": 50, "quantity": 238}]
    (session,) = sandbox.change([{"op": "open_checkout", "items": items}])
    pay = {"op": "pay_checkout", "id": session, "country": "DE", "again": True}
    for change, sums in (({}, [1900, 11_900]), ({"tax_included": False}, [2261, 14_161])):
        _, number = sandbox.change([pay | change])
        payment = order_of(sandbox, number)["payment"]
        assert [payment["taxAmount"], payment["totalAmount"]] == sums


@pytest.mark.fact(37)
def test_a_session_ends_after_six_hours_or_when_a_test_says_so(
    sandbox: Sandbox, stranger: Stranger
) -> None:
    line = {"name": "x", "amount": 500, "quantity": 1}
    first, second = (stranger.open(items=[line])["id"] for _ in range(2))
    sandbox.change([{"op": "expire_checkout", "id": first}])
    assert [one["state"] for one in sandbox.dump("checkouts")] == ["EXPIRED", "OPEN"]
    sandbox.pass_time(seconds=6 * 3600 - 10)
    assert sandbox.dump("checkouts")[1]["state"] == "OPEN"
    sandbox.pass_time(seconds=20)
    assert sandbox.dump("checkouts")[1]["state"] == "EXPIRED"
    # A payment that was under way when the session ended.
    sandbox.change([{"op": "pay_checkout", "id": second}])
    assert sandbox.dump("checkouts")[1]["state"] == "PAID"
