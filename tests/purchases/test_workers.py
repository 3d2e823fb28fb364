"""Several workers and syncs at one purchase: each handler is called once, and nobody waits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.events import (
    on_paid,
    on_restored,
    on_reversed,
)
from pandabase_django.models import Order, Purchase, PurchaseFact
from pandabase_django.services.attempts import claims
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.handing import process_purchase
from tests.purchases.conftest import Shop, work

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"
    ),
]


class Gate:
    """Holds a handler until the test lets it go on."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def hold(self) -> None:
        self._reached.set()
        assert self._open.wait(30)

    def wait_for_it(self) -> None:
        assert self._reached.wait(30)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Gate:
    return Gate()


def closing(work: Callable[[], Any]) -> Any:
    """What a thread does, with its own connection."""
    try:
        return work()
    finally:
        connection.close()


def test_an_order_that_comes_back_while_a_worker_looks_is_handed_out(
    shop: Shop, calls: list[str]
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    Order.objects.filter(pk=order_id).update(gone_at=timezone.now())
    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            shop.webhook(order_id)
            labourer = workers.submit(closing, partial(process_purchase, pk))
            time.sleep(0.5)  # it sees the order gone, and waits
        labourer.result(30)
    work()
    assert calls == ["paid"]


def test_a_sweep_waits_for_no_row_that_is_being_written(shop: Shop) -> None:
    orders = [shop.pay(shop.open()) for _ in range(3)]
    for order_id in orders:
        shop.webhook(order_id)
    ids = [shop.purchase(order_id).pk for order_id in orders]
    Purchase.objects.update(enqueued_at=None)
    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            Purchase.objects.filter(pk=ids[1]).update(enqueued_at=None)
            assert workers.submit(closing, queue.due_purchases).result(10) == [ids[0], ids[2]]
        assert workers.submit(closing, queue.due_purchases).result(10) == [ids[1]]


def test_a_slow_handler_keeps_no_sync_waiting_and_the_reversal_follows_it(
    shop: Shop, gate: Gate
) -> None:
    said: list[str] = []

    @on_paid("licence")
    def slow(purchase: Purchase) -> None:
        gate.hold()
        said.append("paid")

    @on_paid("licence")
    def too_late(purchase: Purchase) -> None:
        said.append("too late")

    @on_reversed("licence")
    def take_back(purchase: Purchase) -> None:
        said.append("reversed")

    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(closing, partial(process_purchase, pk))
        gate.wait_for_it()
        shop.change("refund_order", order_id)
        shop.webhook(order_id)  # is not kept waiting by the handler
        assert shop.purchase(order_id).standing == "REVERSED"
        second = workers.submit(closing, partial(process_purchase, pk))
        assert not second.done()
        gate.open()
        first.result(30)
        second.result(30)
    assert said == ["paid", "reversed"]
    assert shop.purchase(order_id).state == "IDLE"


@pytest.fixture
def short_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that run out within a test."""
    monkeypatch.setattr(claims, "CLAIM", timedelta(seconds=0.5))
    monkeypatch.setattr(claims, "RENEWED_AFTER_SECONDS", 0.1)


@pytest.mark.usefixtures("short_claims")
def test_a_handler_that_takes_long_keeps_its_claim(shop: Shop, gate: Gate) -> None:
    said: list[str] = []

    @on_paid("licence")
    def slow(purchase: Purchase) -> None:
        # Whoever changes the row here locks it: the claim is renewed when that is over.
        Purchase.objects.filter(pk=purchase.pk).update(last_error="")
        gate.hold()
        said.append("paid")

    @on_paid("licence")
    def slow_too(purchase: Purchase) -> None:
        time.sleep(1.5)
        said.append("paid too")

    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    with ThreadPoolExecutor(1) as workers:
        first = workers.submit(closing, partial(process_purchase, pk))
        gate.wait_for_it()
        gate.open()
        while not first.done():
            Purchase.objects.filter(pk=pk).update(enqueued_at=None)
            assert queue.due_purchases() == []
            process_purchase(pk)
            time.sleep(0.05)
        assert first.result(30).finished == 1
    assert said == ["paid", "paid too"]
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.attempts) == ("IDLE", 1)


@pytest.mark.usefixtures("short_claims")
def test_of_those_who_wait_for_a_long_handler_there_is_one(shop: Shop, gate: Gate) -> None:
    said: list[str] = []

    @on_paid("licence")
    def slow(purchase: Purchase) -> None:
        gate.hold()
        said.append("paid")

    @on_reversed("licence")
    def take_back(purchase: Purchase) -> None:
        said.append("reversed")

    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(closing, partial(process_purchase, pk))
        gate.wait_for_it()
        shop.change("refund_order", order_id)
        shop.webhook(order_id)
        second = workers.submit(closing, partial(process_purchase, pk))
        while shop.purchase(order_id).attempts == 0:
            time.sleep(0.05)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert process_purchase(pk).finished == 0, "the second one has it"
            time.sleep(0.05)
        gate.open()
        first.result(30)
        assert second.result(30).finished == 1
    assert said == ["paid", "reversed"]
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.attempts) == ("IDLE", 1)


def test_a_failure_puts_off_no_reversal_that_came_meanwhile(shop: Shop, gate: Gate) -> None:

    @on_paid("licence")
    def fails_late(purchase: Purchase) -> None:
        gate.hold()
        raise RuntimeError

    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    with ThreadPoolExecutor(1) as workers:
        first = workers.submit(closing, partial(process_purchase, pk))
        gate.wait_for_it()
        shop.change("refund_order", order_id)
        shop.webhook(order_id)
        gate.open()
        first.result(30)
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.attempts, purchase.last_error) == ("PENDING", 0, "")
    assert purchase.next_attempt_at is not None
    assert purchase.next_attempt_at <= timezone.now()


def test_any_number_of_workers_call_each_handler_in_turn(shop: Shop) -> None:
    dice = random.Random(3)
    said: list[str] = []
    stop = threading.Event()

    def note(purchase: Purchase) -> None:
        # Under the lock of the fact: no two of them are here at once.
        said.append(PurchaseFact.objects.get(purchase=purchase, state="OPEN").fact)
        time.sleep(dice.random() / 200)
        if dice.random() < 0.2:
            said.pop()
            raise RuntimeError

    for decorator in (on_paid(), on_reversed(), on_restored()):
        decorator(note)

    def labour() -> None:
        while not stop.is_set():
            # Claims run out at once, so that workers meet at one purchase.
            pending = Purchase.objects.filter(state="PENDING")
            pending.update(next_attempt_at=timezone.now(), attempts=0)
            process_purchase(pk)

    shop.webhook(order_id := shop.pay(shop.open()))
    pk = shop.purchase(order_id).pk
    order = Order.objects.filter(pk=order_id)
    with ThreadPoolExecutor(3) as workers:
        labourers = [workers.submit(closing, labour) for _ in range(3)]
        for status in ("REFUNDED", "COMPLETED") * 10:
            shop.change("edit_order", order_id, fields={"status": status})
            shop.webhook(order_id)
            time.sleep(dice.random() / 20)
        deadline = time.monotonic() + 30
        while shop.purchase(order_id).state != "IDLE" and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        for labourer in labourers:
            labourer.result(30)
    assert order.get().status == "COMPLETED"
    assert said[0] == "PAID"
    assert said[1:] == ["REVERSED", "RESTORED"] * (len(said) // 2)
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.last_fact) == ("IDLE", said[-1])
