"""What is paid after its month is over is in the ledger once that is read again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.services.books.month import Month
from pandabase_django.testing import Pandabase
from tests.books.conftest import pandabase_close

pytestmark = pytest.mark.django_db


def closing_of(pandabase: Pandabase, month: Month) -> Any:
    found = pandabase_close("--month", str(month), "--store", pandabase.store.pk)[1]
    (closing,) = found["closings"]
    return closing


@pytest.fixture
def month(pandabase: Pandabase) -> Month:
    """The month that the next four hours are the last ones of."""
    month = Month.of_time(timezone.now()).next
    wait = month.end - timedelta(hours=4) - timezone.now()
    pandabase.travel(seconds=wait.total_seconds())
    return month


@pytest.mark.parametrize("is_booked", [True, False])
def test_a_payment_that_took_days_is_missed_only_once_the_ledger_was_read_since(
    pandabase: Pandabase, month: Month, is_booked: bool
) -> None:
    session = pandabase.checkout()
    pandabase.pay_slowly(session)
    pandabase.travel(days=2)
    pandabase.sync("orders", "ledger", "payouts")
    assert closing_of(pandabase, month)["state"] == "EQUAL"
    pandabase.travel(days=3)
    order = pandabase.pay(session)  # a webhook says so; the ledger is read each six hours
    if not is_booked:
        entry = pandabase.remote.sandbox.dump("ledger")[-1]
        pandabase.remote.change("remove_entry", id=entry["id"])
    closing = closing_of(pandabase, month)
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])
    reasons = [(reason["code"], reason["resource"]) for reason in closing["incomplete"]]
    assert reasons == [("too old", "ledger")]
    # What a replica shows may be minutes older than the time at which it is read.
    for _ in range(2):
        pandabase.sync("ledger")
        pandabase.travel(minutes=11)
    closing = closing_of(pandabase, month)
    missing = [difference["id"] for difference in closing["differences"]]
    assert missing == ([] if is_booked else [order.pk])
    assert closing["state"] == ("EQUAL" if is_booked else "DIFFERENT")


def test_so_is_a_payout_that_changed_since(pandabase: Pandabase, month: Month) -> None:
    pandabase.paid_order()
    (payout,) = pandabase.remote.change("create_payout", amount=100, status="PENDING")
    entry = pandabase.remote.sandbox.dump("ledger")[-1]
    pandabase.remote.change("remove_entry", id=entry["id"])
    pandabase.travel(days=2)
    pandabase.sync("orders", "ledger")
    pandabase.travel(days=1)
    changed = {"status": "COMPLETED", "updatedAt": timezone.now().isoformat()}
    pandabase.remote.change("edit_payout", id=payout, fields=changed)
    pandabase.sync("payouts")
    closing = closing_of(pandabase, month)
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])
    pandabase.travel(minutes=11)
    pandabase.sync("ledger")
    assert [found["id"] for found in closing_of(pandabase, month)["differences"]] == [payout]
