"""Whatever differs is said in a sentence with amounts and names, and with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.admin.checkout.texts import SENTENCES, difference_texts, explain
from pandabase_django.models import HandledFact, Order, Purchase, PurchaseFact, Store
from pandabase_django.services.purchases.judgement import CODES
from tests.purchases.conftest import Shop

pytestmark = pytest.mark.django_db


def test_each_rule_of_the_judgement_has_its_sentence() -> None:
    assert SENTENCES.keys() == set(CODES)


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (("paid_less", "≥ 4900", "100"), "Paid was 1.00 USD, and due was ≥ 49.00 USD."),
        (
            ("discount_above_limit", "≤ 490", "4000"),
            "The coupon took off 40.00 USD, and the checkout allows ≤ 4.90 USD.",
        ),
        (
            ("line_price", "prd_5/var_7: ≥ 900", "prd_5/var_7: 5"),
            "The price of one piece was Course (prd_5)/var_7: 0.05 USD, and the checkout asks for "
            "Course (prd_5)/var_7: ≥ 9.00 USD.",
        ),
        (
            ("line_extra", "0", "1 x “Pro 2000” (100)"),
            "Paid: 1 x “Pro 2000” (1.00 USD). Asked for: 0.",
        ),
        (("currency", "USD", "IDR"), "It is in IDR, and the checkout is in USD."),
        (("one_of_a_later_version", "1", ""), "one_of_a_later_version: 1 / nothing"),
    ],
)
def test_a_difference_is_said_with_amounts_and_names(
    shop: Shop, difference: tuple[str, str, str], sentence: str
) -> None:
    session = shop.open()
    session.items = [{"product_id": "prd_5", "name": "Course", "quantity": 1, "price_minor": 900}]
    keys = ("code", "expected", "found")
    purchase = Purchase(session=session, differences=[dict(zip(keys, difference, strict=True))])
    assert difference_texts(purchase) == [sentence]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"verdict": "WAITING"}, "Not paid yet."),
        ({"verdict": "RENEWAL"}, "Nothing further is handed out."),
        ({"verdict": "MATCHED", "state": "DEAD"}, "Then use “Call again now”."),
        ({"verdict": "MATCHED", "state": "PENDING", "last_error": "x"}, "called again by itself"),
        ({"verdict": "MATCHED", "state": "PENDING"}, "A worker is to call its handlers."),
        ({"verdict": "MATCHED", "last_fact": "PAID"}, "No code of this project was called"),
        ({"verdict": "ACCEPTED", "last_fact": "PAID", "handled": True}, "none failed"),
        ({"verdict": "MATCHED", "last_fact": "REVERSED", "handled": True}, "were called for that"),
        ({"verdict": "MATCHED", "standing": "REVERSED"}, "before anything was handed out"),
        ({"verdict": "MISMATCH", "codes": ["other_number"]}, "can have the payment charged back"),
        ({"verdict": "MISMATCH", "codes": ["already_paid"]}, "meant to buy twice"),
        ({"verdict": "MISMATCH", "codes": ["currency"]}, "Or accept it"),
        ({"verdict": "MISMATCH", "codes": ["currency"], "status": "REFUNDED"}, "not paid any more"),
    ],
)
def test_each_state_says_what_it_means_and_what_to_do(
    shop: Shop, columns: dict[str, Any], says: str
) -> None:
    columns = dict(columns)
    store, now = Store.objects.get(), timezone.now()
    status = columns.pop("status", "COMPLETED")
    order = Order(pk="ord_1", store=store, status=status, first_seen_at=now, synced_at=now)
    order.save()
    codes = [{"code": code} for code in columns.pop("codes", [])]
    handled = columns.pop("handled", False)
    purchase = Purchase.objects.create(
        store=store, order=order, session=shop.open(), differences=codes, **columns
    )
    if handled:
        fact = PurchaseFact.objects.create(purchase=purchase, number=1, fact="PAID")
        HandledFact.objects.create(fact=fact, handler="shop.grant")
    shown = explain(purchase)
    assert says in " ".join([shown.headline, shown.means, shown.next_step])
