"""Prices with tax, for price pages: asked once a minute."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.checkout import CheckoutRefused, CheckoutUnavailable, estimate_checkout
from tests.checkout.conftest import Seller
from tests.json_cache import JSON_CACHE

pytestmark = pytest.mark.django_db


@pytest.mark.fact(36)
@pytest.mark.parametrize("caches", [None, JSON_CACHE], ids=["any cache", "one of JSON alone"])
def test_an_estimate_is_asked_for_once_a_minute(seller: Seller, settings: Any, caches: Any) -> None:
    settings.CACHES = caches or settings.CACHES
    cache.clear()
    product = seller.product()

    def asked() -> int:
        return sum("estimate" in entry["path"] for entry in seller.sandbox.requests())

    first = estimate_checkout(seller.store, [(product, 2)], country="de", coupon_code="WELCOME10")
    assert (first.subtotal_minor, first.discount_amount_minor) == (5800, 580)
    assert first.total_minor == 5220 + 992
    again = estimate_checkout(seller.store, [(product, 2)], country="DE", coupon_code="WELCOME10")
    assert (again, asked()) == (first, 1)
    elsewhere = estimate_checkout(seller.store, [product], country="US", state="NY")
    assert (elsewhere.total_minor, asked()) == (2900 + 232, 2)
    assert seller.opened() == []


def test_what_cant_be_estimated_says_why(seller: Seller) -> None:
    product = seller.product()
    with pytest.raises(CheckoutRefused) as caught:
        estimate_checkout(seller.store, [product], country="DE", coupon_code="NONE")
    assert caught.value.code == "by_remote"
    seller.sandbox.fault([{"action": "status", "args": {"status": 503}, "times": 0}])
    with pytest.raises(CheckoutUnavailable):
        estimate_checkout(seller.store, [product], country="FR")
    seller.store.enabled = False
    with pytest.raises(CheckoutRefused):
        estimate_checkout(seller.store, [product], country="DE")
