"""What of purchases needs a person is found; what takes care of itself is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.events import on_paid
from pandabase_django.models import CheckoutSession, Purchase
from pandabase_django.services.checkout.sessions import end_sessions, prune_sessions
from pandabase_django.services.health.checks.purchases import purchases_are_handed_out
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.purchases.handing import process_purchase
from tests.purchases.conftest import Shop

pytestmark = pytest.mark.django_db


def found() -> dict[str, tuple[str, str]]:
    return {
        finding.code: (finding.level.value, finding.sentence)
        for finding in purchases_are_handed_out(Situation())
    }


def attempt(**columns: Any) -> None:
    Purchase.objects.update(next_attempt_at=timezone.now(), **columns)
    process_purchase(Purchase.objects.get().pk)


def test_a_mismatch_is_found_until_it_is_refunded(shop: Shop) -> None:
    shop.webhook(order_id := shop.pay(shop.open(), total=100, amount=100))
    level, sentence = found()["purchase_mismatch"]
    assert level == "warning"
    assert sentence.startswith(f"1 order of {shop.store} did not pay for what")
    shop.change("refund_order", order_id)
    shop.webhook(order_id)
    assert found() == {}


def test_a_failing_handler_is_found_after_its_second_failure(shop: Shop) -> None:
    @on_paid("licence")
    def broken(purchase: Purchase) -> None:
        raise RuntimeError("no key is left")

    shop.webhook(shop.pay(shop.open()))
    attempt()
    assert found() == {}
    attempt()
    level, sentence = found()["purchase_failing"]
    assert level == "warning"
    assert "no key is left" in sentence
    attempt(attempts=4)
    assert found()["purchase_failing"][0] == "error"
    attempt(attempts=7)
    level, sentence = found()["purchase_dead"]
    assert (level, "no key is left" in sentence) == ("error", True)


def test_a_purchase_that_no_worker_takes_is_found(shop: Shop) -> None:
    shop.webhook(shop.pay(shop.open()))
    assert found() == {}
    Purchase.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=11))
    assert found().keys() == {"purchase_waiting"}


def test_sessions_end_with_their_time_and_are_kept_when_they_were_paid(
    shop: Shop, settings: Any
) -> None:
    paid, unpaid, lost = shop.open(), shop.open(), shop.open(state="PREPARED")
    shop.webhook(shop.pay(paid))
    now = timezone.now()
    assert end_sessions(now=now) == 0
    later = now + timedelta(hours=7)
    assert (end_sessions(now=later), end_sessions(now=later)) == (2, 0)
    states = dict(CheckoutSession.objects.values_list("pk", "state"))
    assert states == {paid.pk: "PAID", unpaid.pk: "EXPIRED", lost.pk: "UNKNOWN"}
    assert prune_sessions(now=now + timedelta(days=89)) == 0
    settings.PANDABASE = {**settings.PANDABASE, "CHECKOUT_RETENTION_DAYS": 1}
    assert prune_sessions(now=now + timedelta(days=2)) == 2
    assert list(CheckoutSession.objects.all()) == [paid]
