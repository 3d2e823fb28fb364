"""What a buyer's browser is answered, with and without a frame around it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from pandabase_django.sandbox import Sandbox
from tests.sandbox.checkout.conftest import Stranger

Product = Callable[..., str]
LINE = {"name": "Extra", "amount": 500, "quantity": 2}
BACK = {"return_url": "https://shop.example.com/back?a=b", "cancel_url": "http://localhost/c"}


class Buyer:
    """A browser on the page of a session."""

    def __init__(self, stranger: Stranger, *, framed: bool = False, **body: Any) -> None:
        opened = stranger.open(**{"items": [LINE], **body})
        self.id = opened["id"]
        self.url = opened["checkout_url"]
        if framed:
            self.url = self.url.replace("/pay/", "/embed/")
        self.session = stranger.session

    def look(self) -> requests.Response:
        return self.session.get(self.url, timeout=10)

    def press(self, action: str, **form: str) -> requests.Response:
        given = {"action": action, "email": "ann@example.com", "country": "DE", **form}
        return self.session.post(self.url, data=given, timeout=10, allow_redirects=False)


def states(sandbox: Sandbox) -> list[str]:
    return [one["state"] for one in sandbox.dump("checkouts")]


def test_a_person_pays_and_is_sent_back(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger, **BACK, title="Fish & <b>chips</b>", description="For <you>")
    page = buyer.look()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert "Fish &amp; &lt;b&gt;chips" in page.text
    assert "10.00 USD" in page.text
    answer = buyer.press("pay")
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK["return_url"])
    assert states(sandbox) == ["PAID"]
    assert "is paid" in buyer.look().text
    assert buyer.press("pay").status_code == 200
    assert len(sandbox.dump("checkouts")[0]["orders"]) == 1


@pytest.mark.fact(41)
def test_the_way_back_proves_no_payment(sandbox: Sandbox, stranger: Stranger) -> None:
    sandbox.set(async_payment_seconds=0.05)
    buyer = Buyer(stranger, **BACK)
    answer = buyer.press("later")
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK["return_url"])
    deadline = time.monotonic() + 5
    assert states(sandbox) in (["PROCESSING"], ["PAID"])
    while states(sandbox) != ["PAID"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert states(sandbox) == ["PAID"]


def test_a_slow_payment_may_wait_for_a_change(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger)
    assert "being processed" in buyer.press("later").text
    assert "being processed" in buyer.press("pay").text
    assert states(sandbox) == ["PROCESSING"]


def test_a_declined_card_may_be_followed_by_a_good_one(
    sandbox: Sandbox, stranger: Stranger
) -> None:
    buyer = Buyer(stranger, **BACK)
    answer = buyer.press("decline")
    assert 'role="alert">The payment was declined.' in answer.text
    assert states(sandbox) == ["FAILED"]
    assert buyer.press("pay").status_code == 303
    assert states(sandbox) == ["PAID"]


def test_who_leaves_is_sent_back_and_may_come_again(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger, **BACK)
    assert buyer.press("leave").headers["Location"] == BACK["cancel_url"]
    assert states(sandbox) == ["OPEN"]
    assert "You left" in Buyer(stranger).press("leave").text


def test_an_expired_session_can_not_be_paid(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger)
    sandbox.change([{"op": "expire_checkout", "id": buyer.id}])
    page = buyer.press("pay")
    assert "has expired" in page.text
    assert "<form" not in page.text
    assert states(sandbox) == ["EXPIRED"]


def test_the_country_decides_the_tax(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger)
    assert "Tax 19 %</th><td>1.90 USD" in buyer.press("update").text.replace(' colspan="2"', "")
    buyer.press("pay")
    assert sandbox.dump("orders")[-1]["payment"]["taxAmount"] == 190


def test_fields_and_prices_of_the_buyer_are_checked_and_carried(
    sandbox: Sandbox, stranger: Stranger, product: Product
) -> None:
    size = {"label": "Size", "value": "l"}
    label = {"type": "custom", "custom": "It"}
    fields = [
        {"key": "nick", "label": label, "type": "text", "text": {"minimum_length": 2}},
        {"key": "age", "label": label, "type": "numeric", "optional": True},
        {"key": "size", "label": label, "type": "dropdown", "dropdown": {"options": [size]}},
    ]
    gift = product(pricingModel="PAY_WHAT_YOU_WANT", minimumPrice=1000)
    items = [{"product_id": gift, "quantity": 1}]
    buyer = Buyer(stranger, items=items, display={"fields": fields}, **BACK)
    good = {"field_nick": "Ann", "field_size": "l", "price_0": "12.5"}
    for wrong, text in (
        ({"email": "ann"}, "Give an e-mail address."),
        ({"field_nick": ""}, "It is needed."),
        ({"field_nick": "A"}, "It is too short or too long."),
        ({"field_age": "old"}, "It takes digits."),
        ({"field_size": "xl"}, "It is not one of the choices."),
        ({"price_0": "much"}, "Give a price for Pro plan."),
        ({"price_0": "9.99"}, "costs at least 1000 cents"),
    ):
        answer = buyer.press("pay", **{**good, **wrong})
        assert answer.status_code == 422
        assert text in answer.text
    assert buyer.press("pay", **good).status_code == 303
    order = sandbox.dump("orders")[-1]
    assert order["customFields"] == {"nick": "Ann", "size": "l"}
    assert order["amount"] == 1250


@pytest.mark.fact(42)
def test_in_a_frame_nobody_is_sent_away_and_the_page_around_it_is_told(stranger: Stranger) -> None:
    told = []
    for action in ("update", "decline", "later", "leave"):
        page = Buyer(stranger, framed=True, **BACK).press(action)
        assert page.status_code == 200
        told += re.findall(r'data-event="(\w*)" data-message="([^"]*)"', page.text)
    assert told == [
        ("", ""),
        ("error", "The payment was declined."),
        ("payment_processing", ""),
        ("cancel", ""),
    ]
    buyer = Buyer(stranger, framed=True, **BACK)
    assert 'data-event="payment_success"' in buyer.press("pay").text
    assert 'data-event=""' in buyer.look().text
    assert "frame-ancestors *" in buyer.look().headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "place", ["/pay/", "/embed/stores/shp_1/sids/{id}", "/pay/a/{shop}/b/{id}"]
)
def test_other_addresses_show_nothing(stranger: Stranger, place: str) -> None:
    path = place.format(id=Buyer(stranger).id, shop=stranger.sandbox.store_id)
    assert stranger.call("GET", path).status_code == 404


def test_browsers_are_no_requests_to_the_api(sandbox: Sandbox, stranger: Stranger) -> None:
    buyer = Buyer(stranger)
    served = sandbox.requests_served
    buyer.look()
    for path, kind in (
        ("/v2/sdk.js", "text/javascript"),
        ("/embed/embed.js", "text/javascript"),
        ("/pay/pay.css", "text/css"),
    ):
        answer = stranger.call("GET", path)
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer.content
    assert sandbox.requests_served == served
