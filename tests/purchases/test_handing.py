"""Handlers are called once for each order and fact, whoever learned of it; forgeries call none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import ProtectedError
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.events import (
    Event,
    fact_handlers,
    on_event,
    on_paid,
    on_reversed,
)
from pandabase_django.models import Order, Purchase
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.matching import accept_purchase
from tests.purchases.conftest import LICENCE, Learn, Shop, work

pytestmark = pytest.mark.django_db


@pytest.mark.fact(27)
def test_a_purchase_is_handed_out_taken_back_and_handed_out_again(
    shop: Shop, learn: Learn, calls: list[str]
) -> None:
    learn(order_id := shop.pay(shop.open()))
    work()
    shop.change("dispute_order", order_id)
    learn(order_id)
    work()
    shop.change("resolve_dispute", order_id, outcome="WON")
    learn(order_id)
    work()
    learn(order_id)
    work()
    assert calls == ["paid", "reversed", "restored"]


def test_a_handler_gets_all_that_it_needs(shop: Shop) -> None:
    said: list[Any] = []

    @on_paid("licence")
    def grant(purchase: Purchase) -> None:
        assert purchase.order is not None
        said.extend([purchase.user, purchase.context, purchase.purpose, purchase.session.state])
        said.extend([purchase.order.status, [item.name for item in purchase.items]])

    shop.webhook(shop.pay(shop.open(context={"seats": 3})))
    work()
    assert said == [shop.buyer, {"seats": 3}, "licence", "PAID", "COMPLETED", ["Licence"]]


def test_what_is_reversed_before_it_was_handed_out_is_not_handed_out(
    shop: Shop, learn: Learn, calls: list[str]
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    shop.change("refund_order", order_id)
    learn(order_id)
    work()
    assert calls == []
    assert shop.purchase(order_id).state == "IDLE"


def test_a_forgery_is_handed_out_when_a_person_accepts_it_and_not_before(
    shop: Shop, learn: Learn, calls: list[str]
) -> None:
    learn(order_id := shop.pay(shop.open(), total=100, amount=100))
    work()
    assert calls == []
    admin = User.objects.create_user("admin")
    accept_purchase(shop.purchase(order_id).pk, reason="Paid by bank transfer.", user=admin)
    work()
    assert calls == ["paid"]


def test_handlers_are_found_by_the_purpose_of_the_checkout(shop: Shop) -> None:
    said: list[str] = []

    @on_paid("licence", "course")
    def some(purchase: Purchase) -> None:
        said.append(f"some {purchase.purpose}")

    @on_paid()
    def all_of_them(purchase: Purchase) -> None:
        said.append(f"all {purchase.purpose}")

    for purpose in ("licence", "gift", ""):
        shop.webhook(shop.pay(shop.open(purpose=purpose)))
    work()
    assert sorted(said) == ["all ", "all gift", "all licence", "some licence"]


@pytest.mark.parametrize("later", ["deployed", "refunded"])
def test_a_purpose_that_no_handler_is_for_waits_for_one(shop: Shop, later: str) -> None:
    said: list[str] = []

    @on_paid("course")
    def of_another_purpose(purchase: Purchase) -> None:
        said.append("course")

    shop.webhook(order_id := shop.pay(shop.open(purpose="gift")))
    work()
    purchase = shop.purchase(order_id)
    assert (purchase.state, purchase.last_fact, said) == ("PENDING", "", [])
    assert "No handler is for the purpose 'gift'" in purchase.last_error

    @on_paid("gift")
    def grant(purchase: Purchase) -> None:
        said.append("paid")

    @on_reversed("gift")
    def take_back(purchase: Purchase) -> None:
        said.append("reversed")

    if later == "refunded":
        shop.change("refund_order", order_id)
        shop.webhook(order_id)
    work()
    # What was never handed out is not taken back.
    assert said == (["paid"] if later == "deployed" else [])
    assert shop.purchase(order_id).state == "IDLE"


@pytest.mark.parametrize("registered", [(), ("",), ("gift",)])
def test_what_no_handler_is_wanted_for_is_done_at_once(
    shop: Shop, registered: tuple[str, ...]
) -> None:
    """No handler of any fact; one for all; or one of this purpose, but for another fact."""
    for purpose in registered:
        on_reversed(*filter(None, [purpose]))(lambda purchase: None)
    shop.webhook(order_id := shop.pay(shop.open(purpose="gift")))
    shop.webhook(unnamed := shop.pay(shop.open(purpose="")))
    work()
    for pk in (order_id, unnamed):
        assert (shop.purchase(pk).state, shop.purchase(pk).last_fact) == ("IDLE", "PAID")


def test_a_handler_that_was_added_since_is_called_when_a_person_asks(
    shop: Shop, calls: list[str]
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    work()

    @on_paid("licence")
    def added(purchase: Purchase) -> None:
        calls.append("added")

    purchase = shop.purchase(order_id)
    assert queue.uncalled(purchase)
    shop.webhook(order_id)
    work()
    assert calls == ["paid"]
    assert queue.replay([purchase.pk]) == [purchase.pk]
    work()
    assert calls == ["paid", "added"]
    assert not queue.uncalled(shop.purchase(order_id))
    assert [fact.state for fact in purchase.facts.all()] == ["DONE"]


def test_a_refund_overtakes_handlers_that_are_called_again(shop: Shop, calls: list[str]) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    work()
    queue.replay([shop.purchase(order_id).pk])
    shop.change("refund_order", order_id)
    shop.webhook(order_id)
    work()
    assert calls == ["paid", "reversed"]
    facts = shop.purchase(order_id).facts.order_by("number")
    assert [(fact.fact, fact.state) for fact in facts] == [
        ("PAID", "STOPPED"),
        ("REVERSED", "DONE"),
    ]


@pytest.mark.parametrize("purposes", [("", "licence"), ("licence", "")])
def test_a_handler_for_all_purposes_stays_one_whatever_else_names_it(
    purposes: tuple[str, ...],
) -> None:
    def handler(purchase: Purchase) -> None: ...

    for purpose in purposes:
        on_paid(*filter(None, [purpose]))(handler)
    assert fact_handlers("PAID", "gift")
    assert fact_handlers("PAID", "licence")


def test_a_decorator_that_was_not_called_is_refused() -> None:
    def handler(purchase: Purchase) -> None: ...

    with pytest.raises(TypeError, match=r"on_paid\("):
        on_paid(handler)  # type: ignore[arg-type]
    on_paid("a")(handler)
    on_paid("b")(handler)
    assert list(fact_handlers("PAID", "a")) == list(fact_handlers("PAID", "b"))
    assert fact_handlers("PAID", "c") == {}
    twin = type(handler)(handler.__code__, {}, "handler")
    twin.__module__, twin.__qualname__ = handler.__module__, handler.__qualname__
    with pytest.raises(ValueError, match="already"):
        on_paid("a")(twin)


def test_a_handler_can_not_delete_the_note_that_it_was_called(shop: Shop) -> None:
    said: list[str] = []

    @on_paid("licence")
    def delete_it(purchase: Purchase) -> None:
        said.append("paid")
        if len(said) == 1:
            purchase.delete()

    shop.webhook(order_id := shop.pay(shop.open()))
    work()
    assert "ProtectedError" in shop.purchase(order_id).last_error
    work()
    with pytest.raises(ProtectedError):
        shop.purchase(order_id).delete()
    shop.webhook(order_id)
    work()
    assert (said, shop.purchase(order_id).last_fact) == (["paid", "paid"], "PAID")


def test_an_answer_from_before_the_refund_hands_out_nothing(shop: Shop, calls: list[str]) -> None:
    session = shop.open()
    shop.webhook(order_id := shop.pay(session, **{"as": "async"}))
    shop.pay(session)
    shop.sandbox.pass_time(seconds=120)
    shop.sandbox.set(detail_lag_seconds=60)
    shop.change("refund_order", order_id)
    shop.poll()
    order = Order.objects.get(pk=order_id)
    assert (order.status, order.dirty) == ("COMPLETED", True), "the replica is late"
    work()
    assert calls == []
    shop.sandbox.pass_time(seconds=120)
    shop.poll()
    work()
    assert (shop.purchase(order_id).standing, calls) == ("REVERSED", [])


def test_an_order_that_is_gone_is_not_handed_out_until_it_is_back(
    shop: Shop, calls: list[str]
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    Order.objects.filter(pk=order_id).update(gone_at=timezone.now())
    work()
    assert calls == []
    shop.webhook(order_id)
    work()
    assert calls == ["paid"]


def test_handlers_of_events_find_the_user_of_the_order(shop: Shop) -> None:
    said: list[Any] = []

    @on_event("PAYMENT_COMPLETED")
    def thank(event: Event) -> None:
        assert event.order is not None
        said.append(event.order.user)

    shop.webhook(order_id := shop.pay(shop.open()))
    thank(Event("evt_1", "PAYMENT_COMPLETED", shop.store.pk, order_id, None, {}))
    assert said == [shop.buyer]


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_at_the_commit_and_by_the_sweep(
    shop: Shop, calls: list[str], broker: Any
) -> None:
    def sent() -> list[tuple[str, Any]]:
        messages = iter(broker, None)
        return [(message.headers["task"], message.headers["argsrepr"]) for message in messages]

    shop.poll()
    shop.poll(shop.pay(shop.open()))
    (purchase,) = Purchase.objects.all()
    message = ("pandabase.process_purchase", f"({purchase.pk},)")
    assert sent() == [message]
    # That message is lost: the sweep sends another, and no more while that one may be on its way.
    assert tasks.sweep_checkouts() == 0
    Purchase.objects.update(enqueued_at=timezone.now() - timedelta(minutes=3))
    assert (tasks.sweep_checkouts(), tasks.sweep_checkouts()) == (1, 0)
    assert sent() == [message]
    tasks.process_purchase(purchase.pk)
    assert calls == ["paid"]
    shop.webhook(shop.pay(shop.stranger([LICENCE])))
    assert sent() == []
