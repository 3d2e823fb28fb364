"""A handler of a fact that raises is counted, as those of events are."""

from __future__ import annotations

import pytest

from pandabase_django.events import on_paid
from pandabase_django.models import Purchase
from tests.observing.scraping import delta, numbers
from tests.purchases.conftest import Shop, shop, work

__all__ = ["shop"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted", "no_others")]


def broken(purchase: Purchase) -> None:
    raise RuntimeError(f"No place for {purchase.order_id}.")


def test_a_handler_of_a_fact_that_raises_is_counted(shop: Shop) -> None:
    before = numbers()
    on_paid("licence")(broken)
    order_id = shop.pay(shop.open())
    shop.poll()
    work()
    assert order_id in shop.purchase(order_id).last_error
    found = delta(before, "pandabase_handler_failures_total")
    assert found == {(f"{__name__}.broken", "fact"): 1}
