"""A checkout is a row first, then one request; whatever comes of that is known, or harmless."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone, translation

from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.checkout import (
    CheckoutError,
    CheckoutRefused,
    CheckoutUnavailable,
    CheckoutUnknown,
    FreeItem,
    Item,
)
from pandabase_django.models import CheckoutSession, Order
from pandabase_django.services.checkout import clients
from pandabase_django.services.sync.refresh import fetch_order
from tests.checkout.conftest import PLANS, Seller

pytestmark = pytest.mark.django_db

LICENCE = FreeItem("Licence", 4900)


@pytest.mark.fact(36, 37, 39)
def test_a_session_is_opened_paid_and_matched(seller: Seller) -> None:
    product, plans = seller.product(), seller.product(title="Plans", variants=PLANS)
    team = plans.variants.get(pk="var_team")
    session = seller.sell(
        product, (team, 2), purpose="course", context={"course": 7}, coupon_code="WELCOME10"
    )
    assert (session.state, session.user, session.purpose) == ("OPEN", seller.buyer, "course")
    assert (session.subtotal_minor, session.currency) == (2900 + 2 * 4900, "USD")
    assert session.checkout_url.startswith(f"{seller.sandbox.url}/pay/")
    assert session.return_url == f"https://shop.example/thanks/{session.public_id}/"
    assert session.expires_at is not None
    assert timedelta(hours=5.9) < session.expires_at - timezone.now() < timedelta(hours=6.1)
    (there,) = seller.opened()
    assert there["amount"] == session.subtotal_minor
    # Only the signed reference leaves.
    assert list(there["metadata"]) == ["pandabase_django"]
    kept = json.dumps({**there, "return_url": ""})
    assert not any(text in kept for text in ("course", "buyer", session.public_id))
    _, order_id = seller.sandbox.change(
        [{"op": "pay_checkout", "id": session.session_id, "country": "DE"}]
    )
    fetch_order(seller.store, order_id)
    assert Order.objects.get(pk=order_id).session == session


def test_equal_calls_give_one_session_while_it_lives(seller: Seller) -> None:
    product = seller.product()
    first = seller.sell(product, context={"a": 1, "b": 2})
    assert seller.sell((product, 1), context={"b": 2, "a": 1}) == first
    others = [
        seller.sell((product, 2), context={"a": 1, "b": 2}),
        seller.sell(product, context={"a": 1, "b": 3}),
        seller.sell(product, context={"a": 1, "b": 2}, purpose="gift"),
        seller.sell(product, context={"a": 1, "b": 2}, idempotency="another one, please"),
        seller.sell(product, context={"a": 1, "b": 2}, user=User.objects.create_user("other")),
    ]
    assert len({first, *others}) == 6 == len(seller.opened())
    # One that is about to end, or was paid, is not given again.
    CheckoutSession.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    second = seller.sell(product, context={"a": 1, "b": 2})
    CheckoutSession.objects.filter(pk=second.pk).update(state="PAID")
    third = seller.sell(product, context={"a": 1, "b": 2})
    assert len({first, second, third}) == 3
    first.refresh_from_db()
    assert first.state == "EXPIRED"


def test_guests_share_no_session_unless_the_shop_says_who_they_are(seller: Seller) -> None:
    guests = [seller.sell(LICENCE, user=user) for user in (None, AnonymousUser())]
    assert len(set(guests)) == 2
    known = {seller.sell(LICENCE, user=None, idempotency="visitor 1") for _ in range(2)}
    assert len(known) == 1
    assert seller.sell(LICENCE, user=None, idempotency="visitor 2") not in known


def test_one_item_named_twice_is_one_line(seller: Seller) -> None:
    product = seller.product()
    session = seller.sell(product, (product, 2), LICENCE, LICENCE)
    assert [(item["name"], item["quantity"]) for item in session.items] == [
        ("Pro plan", 3), ("Licence", 2),
    ]  # fmt: skip


def test_the_buyer_names_the_price_where_the_product_says_so(seller: Seller) -> None:
    product = seller.product(pricingModel="PAY_WHAT_YOU_WANT", minimumPrice=500)
    assert seller.sell(product).items[0]["least_minor"] == 500
    merged = seller.sell(Item(product, least_minor=700), product)
    assert (merged.items[0]["quantity"], merged.items[0]["least_minor"]) == (2, 700)
    session = seller.sell(Item(product, least_minor=700))
    verdicts = []
    for price in (700, 699):
        pay = {"op": "pay_checkout", "id": session.session_id, "prices": {"0": price}}
        _, order_id = seller.sandbox.change([{**pay, "again": True}])
        fetch_order(seller.store, order_id)
        verdicts.append(Order.objects.get(pk=order_id).purchases.get().verdict)
    assert verdicts == ["MATCHED", "MISMATCH"]


def refusal(seller: Seller, *items: Any, **options: Any) -> tuple[str, str, str]:
    """Code and sentences; nothing was sent."""
    before = len(seller.sandbox.requests())
    with pytest.raises(CheckoutRefused) as caught:
        seller.sell(*items, **options)
    assert len(seller.sandbox.requests()) == before
    assert not CheckoutSession.objects.exists()
    return caught.value.code, str(caught.value), caught.value.for_buyer


@pytest.mark.fact(45)
def test_what_cant_be_bought_is_refused_before_anything_is_sent(seller: Seller) -> None:
    product = seller.product()
    subscription = seller.product(productType="SUBSCRIPTION")
    plans = seller.product(variants=PLANS)
    sold_out = seller.product(inStock=False)
    few = seller.product(trackStock=True, quantity=2)
    one_each = seller.product(maxPerCustomer=1)
    draft = seller.product(status="DRAFT")
    euro = seller.product(currency="EUR")
    gone = seller.product()
    seller.sandbox.change([{"op": "delete_product", "id": gone.pk}])
    seller.sync()
    seller.sync()
    gone.refresh_from_db()
    assert gone.gone_at is not None
    nowhere = type(product)(pk="prd_nowhere", store=seller.store)
    found = {
        "unknown": refusal(seller, nowhere)[0],
        "gone": refusal(seller, gone)[0],
        "draft": refusal(seller, draft)[0],
        "sold out": refusal(seller, sold_out)[0],
        "too few left": refusal(seller, (few, 3))[0],
        "too many for one": refusal(seller, (one_each, 1), (one_each, 1))[0],
        "quantity 0": refusal(seller, (product, 0))[0],
        "quantity 1000": refusal(seller, (product, 1000))[0],
        "nothing": refusal(seller)[0],
        "eleven lines": refusal(seller, *[FreeItem(f"Line {n}", 100) for n in range(11)])[0],
        "two currencies": refusal(seller, product, euro)[0],
        "subscription and more": refusal(seller, subscription, product)[0],
        "above the limit": refusal(seller, (product, 400))[0],
        "below the limit": refusal(seller, FreeItem("Sticker", 99))[0],
        "price seen": refusal(seller, Item(product, price_minor=1900))[0],
        "another's variant": refusal(seller, Item(product, variant=plans.variants.first()))[0],
        "fixed price": refusal(seller, Item(product, least_minor=1))[0],
        "http": refusal(seller, product, return_url="http://shop.example/")[0],
        "javascript": refusal(seller, product, cancel_url="javascript:alert(1)")[0],
        "long title": refusal(seller, product, title="x" * 129)[0],
        "long coupon": refusal(seller, product, coupon_code="x" * 65)[0],
        "no coupon": refusal(seller, product, coupon_code="A\x00")[0],
        "no purpose": refusal(seller, product, purpose="\ud800")[0],
        "four fields": refusal(seller, product, fields=[{}] * 4)[0],
        "a name of two lines": refusal(seller, FreeItem("a\nb", 100))[0],
    }
    assert found == {
        "unknown": "not_on_sale",
        "gone": "not_on_sale",
        "draft": "not_on_sale",
        "sold out": "out_of_stock",
        "too few left": "out_of_stock",
        "too many for one": "quantity",
        "quantity 0": "quantity",
        "quantity 1000": "quantity",
        "nothing": "items",
        "eleven lines": "items",
        "two currencies": "items",
        "subscription and more": "subscription_alone",
        "above the limit": "total",
        "below the limit": "total",
        "price seen": "price_changed",
        "another's variant": "not_on_sale",
        "fixed price": "price",
        "http": "return_url",
        "javascript": "cancel_url",
        "long title": "text",
        "long coupon": "coupon",
        "no coupon": "coupon",
        "no purpose": "text",
        "four fields": "text",
        "a name of two lines": "name",
    }
    _, message, for_buyer = refusal(seller, Item(product, price_minor=1900))
    assert message == "Pro plan costs 2900, and 1900 was shown."
    assert for_buyer == "The price has changed. Reload the page to see it."
    seller.store.enabled = False
    code, message, _ = refusal(seller, product)
    assert (code, "Enable it" in message) == ("store", True)


def test_what_is_no_item_or_no_json_is_a_mistake_of_the_shop(seller: Seller) -> None:
    for wrong in ("prd_1", (1, 2), (seller.product(), "2"), FreeItem("x", 1.5)):  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            seller.sell(wrong)
    for context in ({"at": timezone.now()}, float("nan"), {"a": ["\x00"]}, {"\ud800": 1}, "\\\x00"):
        with pytest.raises(TypeError):
            seller.sell(LICENCE, context=context)
    with pytest.raises(ValueError, match="not saved"):
        seller.sell(LICENCE, user=User(username="new"))
    assert not CheckoutSession.objects.exists()
    assert seller.sell(LICENCE, context={"a": "\\u0000"}).context == {"a": "\\u0000"}


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_during_the_call_buys_nothing(seller: Seller) -> None:
    seller.sell(LICENCE)
    CheckoutSession.objects.update(state="EXPIRED")
    User.objects.get(pk=seller.buyer.pk).delete()
    with pytest.raises(CheckoutRefused, match="deleted"):
        seller.sell(LICENCE)
    assert len(seller.opened()) == 1


def status(number: int, **args: Any) -> dict[str, Any]:
    return {"action": "status", "args": {"status": number, **args}}


@pytest.mark.parametrize(
    ("fault", "error", "code", "state"),
    [
        (status(400, error="No such coupon"), CheckoutRefused, "by_remote", "REFUSED"),
        (status(404), CheckoutRefused, "not_on_sale", "REFUSED"),
        (status(429, retry_after_seconds=30), CheckoutUnavailable, "unavailable", "REFUSED"),
        (status(503), CheckoutUnknown, "unknown", "UNKNOWN"),
        ({"action": "html"}, CheckoutUnknown, "unknown", "UNKNOWN"),
        ({"action": "html", "args": {"status": 403}}, CheckoutUnknown, "unknown", "UNKNOWN"),
        ({"action": "commit_then_reset"}, CheckoutUnknown, "unknown", "UNKNOWN"),
        ({"action": "delay", "args": {"seconds": 3}}, CheckoutUnknown, "unknown", "UNKNOWN"),
    ],
)
def test_a_request_that_fails_leaves_a_row_that_says_so(
    seller: Seller,
    fault: dict[str, Any],
    error: type[CheckoutError],
    code: str,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = replace(clients.HURRIED, timeouts=Timeouts(connect_seconds=1.0, read_seconds=0.5))
    monkeypatch.setattr(clients, "HURRIED", soon)
    seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **fault}])
    with pytest.raises(CheckoutError) as caught:
        seller.sell(LICENCE)
    assert (type(caught.value), caught.value.code) == (error, code)
    assert caught.value.retryable == (error is not CheckoutRefused)
    assert caught.value.for_buyer.endswith((".", "moment."))
    (row,) = CheckoutSession.objects.all()
    assert row.state == state
    assert row.refusal
    # An equal call is another try; the limit is over.
    cache.clear()
    session = seller.sell(LICENCE)
    assert session.state == "OPEN"
    assert session != row


def test_what_the_remote_says_is_kept_without_credentials(seller: Seller) -> None:
    error = "No key sk_live_abcdef0123456789"
    fault = {"action": "status", "args": {"status": 400, "error": error}}
    seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **fault}])
    with pytest.raises(CheckoutRefused) as caught:
        seller.sell(LICENCE)
    row = CheckoutSession.objects.get()
    for text in (str(caught.value), row.refusal):
        assert "No key ••••" in text
        assert "sk_live" not in text
    assert "sk_live" not in caught.value.for_buyer


def test_a_price_that_changed_at_the_remote_alone_opens_nothing(seller: Seller) -> None:
    product = seller.product()
    seller.change(product, price=3100)
    with pytest.raises(CheckoutRefused) as caught:
        seller.sell(product)
    assert caught.value.code == "by_remote"
    assert seller.opened() == []
    cheap = seller.product(price=0)
    seller.change(cheap, price=200)
    with pytest.raises(CheckoutRefused) as caught:
        seller.sell(cheap)  # no sum below a dollar is sent, so the answer is compared
    assert caught.value.code == "price_changed"
    assert CheckoutSession.objects.latest("created_at").state == "REFUSED"


def test_a_coupon_above_what_is_allowed_opens_nothing(seller: Seller) -> None:
    with pytest.raises(CheckoutRefused) as caught:
        seller.sell(LICENCE, coupon_code="HALF", discount_limit_minor=2000)
    assert caught.value.code == "coupon"
    assert seller.sell(LICENCE, coupon_code="WELCOME10", discount_limit_minor=2000).state == "OPEN"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_paid_before_its_answer_came_stays_paid(seller: Seller) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory has one connection")
    slow = {"action": "delay", "args": {"seconds": 1}}
    seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **slow}])

    def click() -> CheckoutSession:
        try:
            return seller.sell(LICENCE)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as browser:
        answer = browser.submit(click)
        while not (there := seller.opened()):
            assert not answer.done()
        order_id = seller.sandbox.change([{"op": "pay_checkout", "id": there[0]["id"]}])[-1]
        fetch_order(seller.store, order_id)
        assert not answer.done()
        session = answer.result(10)
    assert (session.state, session.session_id) == ("PAID", there[0]["id"])
    assert session.checkout_url


def test_a_call_inside_a_transaction_is_refused(seller: Seller, transactional_db: None) -> None:
    message = "must not run inside a transaction.*non_atomic_requests"
    with pytest.raises(transaction.TransactionManagementError, match=message), transaction.atomic():
        seller.sell(LICENCE)
    assert not CheckoutSession.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_double_click_opens_one_session(seller: Seller) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory has one connection")
    together = threading.Barrier(4)
    slow = {"action": "delay", "args": {"seconds": 0.5}, "times": 0}
    seller.sandbox.fault([{"match": {"path_regex": "/checkouts$"}, **slow}])

    def click() -> str:
        try:
            together.wait(10)
            return seller.sell(LICENCE).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as browsers:
        clicks = [browsers.submit(click) for _ in range(4)]
        assert len({one.result(30) for one in clicks}) == 1
    assert len(seller.opened()) == 1


def test_one_that_was_killed_while_it_opened_is_not_waited_for_long(seller: Seller) -> None:
    session = seller.sell(LICENCE)
    long_ago = timezone.now() - timedelta(minutes=1)
    CheckoutSession.objects.filter(pk=session.pk).update(state="PREPARED", created_at=long_ago)
    assert seller.sell(LICENCE).state == "OPEN"
    session.refresh_from_db()
    assert session.state == "UNKNOWN"


def test_the_buyer_reads_his_own_language(seller: Seller) -> None:
    with translation.override("de"), pytest.raises(CheckoutRefused) as caught:
        seller.sell((seller.product(), 0))
    assert caught.value.for_buyer == "Wählen Sie eine andere Stückzahl."


def test_selling_needs_no_celery() -> None:
    """A site without the admin may sell where Celery is not installed at all."""
    code = (
        "import sys; sys.modules['celery'] = None\n"
        "from tests import settings as base\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', "
        "'pandabase_django'], PANDABASE=base.PANDABASE, DATABASES=base.DATABASES, USE_TZ=True)\n"
        "import django; django.setup()\n"
        "from pandabase_django.checkout import open_checkout\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
