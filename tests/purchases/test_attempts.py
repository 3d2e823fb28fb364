"""Handlers that fail, and workers that die: what is called again, and what is given up."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from pandabase_django.events import (
    on_paid,
)
from pandabase_django.models import HandledFact, Purchase, PurchaseFact
from pandabase_django.services.attempts.schedule import BACKOFF, MAX_ATTEMPTS
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.handing import process_purchase
from tests.purchases.conftest import Learn, Shop, work

pytestmark = pytest.mark.django_db


def test_a_handler_that_fails_is_called_again_and_those_before_it_are_not(shop: Shop) -> None:
    said: list[str] = []

    @on_paid("licence")
    def well(purchase: Purchase) -> None:
        said.append("well")

    @on_paid("licence")
    def ill(purchase: Purchase) -> None:
        User.objects.create_user("made by a handler that fails")
        if len(said) < 3:
            said.append("ill")
            raise RuntimeError("key sk_live_0123456789 is used up")
        said.append("better")

    shop.webhook(order_id := shop.pay(shop.open()))
    first = process_purchase(shop.purchase(order_id).pk)
    assert (first.failed, first.retry_after_seconds) == (1, BACKOFF[0].total_seconds())
    purchase = shop.purchase(order_id)
    assert purchase.last_error.startswith("Raised: ")
    assert "ill (RuntimeError: key •••• is used up)" in purchase.last_error
    assert process_purchase(purchase.pk).failed == 0, "it is not due yet"
    assert not User.objects.filter(username__startswith="made").exists()
    work()
    work()
    assert said == ["well", "ill", "ill", "better"]
    purchase.refresh_from_db()
    assert (purchase.state, purchase.last_fact, purchase.last_error) == ("IDLE", "PAID", "")


def test_work_that_was_rolled_back_without_a_word_is_a_failure(shop: Shop) -> None:
    @on_paid("licence")
    def grant(purchase: Purchase) -> None:
        for name in ("new", "known"):
            with suppress(IntegrityError):
                User.objects.create_user(name)

    User.objects.create_user("known")
    shop.webhook(order_id := shop.pay(shop.open()))
    assert process_purchase(shop.purchase(order_id).pk).failed == 1
    assert not User.objects.filter(username="new").exists()
    assert not HandledFact.objects.exists()


def test_a_purchase_that_always_fails_is_given_up_and_replayed(shop: Shop) -> None:
    broken = True
    said: list[str] = []

    @on_paid("licence")
    def grant(purchase: Purchase) -> None:
        if broken:
            raise RuntimeError
        said.append("paid")

    shop.webhook(order_id := shop.pay(shop.open()))
    for _ in range(MAX_ATTEMPTS + 2):
        work()
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.attempts) == ("DEAD", MAX_ATTEMPTS)
    broken = False
    for pk in queue.replay([purchase.pk]):
        process_purchase(pk)
    assert (said, shop.purchase(order_id).state) == (["paid"], "IDLE")
    for pk in queue.replay([purchase.pk]):
        process_purchase(pk)
    assert said == ["paid"]


def test_a_reversal_ends_attempts_to_hand_out(shop: Shop, learn: Learn, calls: list[str]) -> None:
    @on_paid("licence")
    def broken(purchase: Purchase) -> None:
        raise RuntimeError

    learn(order_id := shop.pay(shop.open()))
    work()
    assert calls == ["paid"]
    shop.change("refund_order", order_id)
    learn(order_id)
    # Its next attempt was minutes away.
    process_purchase(shop.purchase(order_id).pk)
    assert calls == ["paid", "reversed"]
    assert list(PurchaseFact.objects.values_list("fact", "state")) == [
        ("PAID", "STOPPED"),
        ("REVERSED", "DONE"),
    ]


def test_what_was_given_up_half_way_is_taken_back(shop: Shop, calls: list[str]) -> None:
    @on_paid("licence")
    def broken(purchase: Purchase) -> None:
        raise RuntimeError

    shop.webhook(order_id := shop.pay(shop.open()))
    for _ in range(MAX_ATTEMPTS):
        work()
    assert (calls, shop.purchase(order_id).state) == (["paid"], "DEAD")
    shop.change("refund_order", order_id)
    shop.webhook(order_id)
    process_purchase(shop.purchase(order_id).pk)
    assert (calls, shop.purchase(order_id).state) == (["paid", "reversed"], "IDLE")


def test_a_worker_that_is_killed_each_time_is_spared_the_purchase(shop: Shop) -> None:
    class Killed(BaseException): ...

    @on_paid("licence")
    def kills(purchase: Purchase) -> None:
        raise Killed

    shop.webhook(order_id := shop.pay(shop.open()))
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            work()
    work()
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.last_error.split(":")[0]) == (
        "DEAD", "The worker was killed while it worked on this, each time.",
    )  # fmt: skip
    assert not HandledFact.objects.exists()
