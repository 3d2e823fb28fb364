"""Orders are linked to the sessions that they paid for, however they are learned of."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pandabase_django.api import schemas
from pandabase_django.models import CheckoutSession, Order, Purchase, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.purchases.matching import accept_purchase, match_orders
from pandabase_django.services.purchases.reference import metadata_for
from pandabase_django.services.sync.runs import sync_resource
from tests.connecting import connect
from tests.purchases.conftest import LICENCE, Learn, Shop

pytestmark = pytest.mark.django_db


@pytest.mark.fact(39, 40)
def test_an_order_is_its_sessions_and_its_users(shop: Shop, learn: Learn) -> None:
    session = shop.open(context={"team": 5})
    learn(order_id := shop.pay(session, country="DE", presentment="EUR"))
    order = Order.objects.get(pk=order_id)
    assert (order.session, order.user) == (session, shop.buyer)
    assert order.purchase is not None
    assert (order.purchase.purpose, order.purchase.context) == ("licence", {"team": 5})
    assert [item.name for item in order.purchase.items] == ["Licence"]
    assert list(Order.objects.for_user(shop.buyer)) == [order]
    assert not Order.objects.for_user(User.objects.create_user("another")).exists()
    assert not Order.objects.for_user(AnonymousUser()).exists()
    session.refresh_from_db()
    assert session.state == "PAID"


def test_orders_without_a_session_are_normal_orders(shop: Shop, learn: Learn) -> None:
    shop.open()
    learn(order_id := shop.pay(shop.stranger([LICENCE], metadata={"user": "1"})))
    order = Order.objects.get(pk=order_id)
    assert (order.status, order.session, order.user) == ("COMPLETED", None, None)
    assert not Purchase.objects.exists()


OTHER_LINE = {"other_number", "line_missing", "line_extra"}
FORGERIES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "cheaper": ({**LICENCE, "amount": 100}, OTHER_LINE),
    "at full price": (LICENCE, {"other_number"}),
    "of another name": ({**LICENCE, "name": "x"}, OTHER_LINE),
}


@pytest.mark.fact(36, 38)
@pytest.mark.parametrize("name", FORGERIES)
def test_copied_metadata_buys_nothing(shop: Shop, learn: Learn, name: str) -> None:
    line, codes = FORGERIES[name]
    session = shop.open()
    forged = shop.pay(shop.stranger([line], metadata=metadata_for(session.reference)))
    learn(forged)
    order = Order.objects.get(pk=forged)
    assert (shop.verdict(forged), order.session, order.user) == ("MISMATCH", None, None)
    assert shop.codes(forged) == codes
    # The true buyer is neither kept from paying nor shown a failure.
    session.refresh_from_db()
    assert session.state == "OPEN"
    learn(paid := shop.pay(session))
    assert shop.verdict(paid) == "MATCHED"


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        ({"total": 100, "amount": 100}, "paid_less"),
        ({"currency": "IDR"}, "currency"),
        ({"discount": 4000, "amount": 900, "total": 900}, "discount_without_code"),
    ],
)
def test_an_order_that_paid_something_else_is_shown(
    shop: Shop, learn: Learn, forged: dict[str, Any], code: str
) -> None:
    session = shop.open()
    learn(order_id := shop.pay(session, **forged))
    assert (shop.verdict(order_id), shop.codes(order_id)) == ("MISMATCH", {code})
    session.refresh_from_db()
    assert session.state == "MISMATCH"


def test_coupons_count_up_to_what_was_allowed(shop: Shop) -> None:
    for limit, verdict in ((None, "MATCHED"), (490, "MATCHED"), (489, "MISMATCH")):
        session = shop.open(discount_limit_minor=limit, body={"coupon_code": "WELCOME10"})
        shop.webhook(order_id := shop.pay(session))
        assert shop.verdict(order_id) == verdict


def test_what_costs_nothing_is_matched_too(shop: Shop, learn: Learn) -> None:
    session = shop.open(body={"coupon_code": "GIFT"})
    learn(order_id := shop.pay(session))
    assert shop.verdict(order_id) == "MATCHED"


def test_a_declined_payment_is_followed_by_one_that_counts(shop: Shop, learn: Learn) -> None:
    session = shop.open()
    learn(first := shop.pay(session, **{"as": "decline"}))
    session.refresh_from_db()
    assert (shop.verdict(first), session.state) == ("WAITING", "FAILED")
    learn(second := shop.pay(session))
    session.refresh_from_db()
    assert (shop.verdict(second), session.state) == ("MATCHED", "PAID")


def test_a_slow_payment_is_waited_for(shop: Shop, learn: Learn) -> None:
    session = shop.open()
    learn(order_id := shop.pay(session, **{"as": "async"}))
    session.refresh_from_db()
    assert (shop.verdict(order_id), session.state) == ("WAITING", "PROCESSING")
    assert shop.purchase(order_id).state == "IDLE"
    shop.pay(session)
    learn(order_id)
    session.refresh_from_db()
    assert (shop.verdict(order_id), session.state) == ("MATCHED", "PAID")


def test_a_session_counts_once(shop: Shop, learn: Learn) -> None:
    session = shop.open()
    learn(first := shop.pay(session))
    learn(second := shop.pay(session, again=True))
    assert (shop.verdict(first), shop.verdict(second)) == ("MATCHED", "MISMATCH")
    assert shop.codes(second) == {"already_paid"}
    session.refresh_from_db()
    assert session.state == "PAID"


def test_a_verdict_is_never_taken_back(shop: Shop) -> None:
    session = shop.open()
    shop.webhook(order_id := shop.pay(session))
    shop.change("edit_order", order_id, fields={"payment.totalAmount": 1, "amount": 1})
    shop.webhook(order_id)
    assert shop.verdict(order_id) == "MATCHED"
    shop.change("refund_order", order_id)
    shop.webhook(order_id)
    session.refresh_from_db()
    purchase = shop.purchase(order_id)
    assert (purchase.verdict, purchase.standing, session.state) == (
        "MATCHED", "REVERSED", "REVERSED",
    )  # fmt: skip


def test_a_session_whose_answer_got_lost_is_found_by_its_reference(shop: Shop) -> None:
    session = shop.open()
    paid = shop.pay(session)
    known, session.session_id, session.state = session.session_id, "", "UNKNOWN"
    session.save()
    shop.poll()
    session.refresh_from_db()
    assert (shop.verdict(paid), session.session_id, session.state) == ("MATCHED", known, "PAID")


def test_a_session_without_readable_metadata_is_found_by_its_number(shop: Shop) -> None:
    session = shop.open()
    paid = shop.pay(session, metadata={"pandabase_django": f"{session.reference}:forged"})
    shop.poll()
    assert shop.verdict(paid) == "MATCHED"


def test_another_stores_session_is_never_named(shop: Shop, sandbox_options: dict[str, Any]) -> None:
    session = shop.open()
    with Sandbox(**{**sandbox_options, "seed": 8}) as elsewhere:
        other = connect(elsewhere).store
        items = {"items": [LICENCE], "metadata": metadata_for(session.reference)}
        (opened,) = elsewhere.change([{"op": "open_checkout", **items}])
        pay = {"op": "pay_checkout", "id": opened, "order_number": session.session_id}
        order_id = elsewhere.change([pay])[-1]
        CheckoutSession.objects.create(store=other)  # it sells as well
        sync_resource(other, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    assert Order.objects.get(pk=order_id).session is None
    assert not Purchase.objects.exists()


def test_a_user_who_was_deleted_before_paying_is_nobody(shop: Shop, learn: Learn) -> None:
    session = shop.open()
    shop.buyer.delete()
    learn(order_id := shop.pay(session))
    order = Order.objects.get(pk=order_id)
    assert (order.session, order.user) == (session, None)


def test_a_mismatch_is_accepted_by_hand_with_a_reason(shop: Shop) -> None:
    session = shop.open()
    shop.webhook(order_id := shop.pay(session, total=100, amount=100))
    purchase = shop.purchase(order_id)
    admin = User.objects.create_user("admin")
    with pytest.raises(ValueError, match="needs a reason"):
        accept_purchase(purchase.pk, reason=" ", user=admin)
    accepted = accept_purchase(purchase.pk, reason="He sent the rest.", user=admin)
    assert (accepted.verdict, accepted.standing) == ("ACCEPTED", "IN_FORCE")
    assert Order.objects.get(pk=order_id).user == shop.buyer
    session.refresh_from_db()
    assert session.state == "PAID"
    with pytest.raises(ValueError, match="Only a mismatch"):
        accept_purchase(purchase.pk, reason="Again.", user=admin)


def test_who_bought_what_costs_few_queries(shop: Shop) -> None:
    for _ in range(3):
        shop.pay(shop.open())
    shop.poll()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        orders = list(Order.objects.for_user(shop.buyer).paid().with_purchases())
        assert [(order.user, order.session is None) for order in orders] == [
            (shop.buyer, False)
        ] * 3
    assert len(queries) == 4


def test_orders_that_name_no_checkout_cost_two_queries(
    store: Store, django_assert_num_queries: Any
) -> None:
    answers = [schemas.Order.from_json({"id": "ord_1", "orderNumber": "cs_1"})]
    with django_assert_num_queries(2):
        match_orders(answers, store_id=store.pk)
