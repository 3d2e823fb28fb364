"""What moved before the ledger begins is in its opening balance, and nothing else is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pandabase_django.models import Dispute, LedgerEntry, Order, Payout, Refund
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.books.closing import close as close_of
from pandabase_django.services.books.material import Claim, Entry, Material, PaidOut, Sale
from pandabase_django.services.books.month import Month
from tests.books.conftest import Sync
from tests.books.test_closing import MONTH, close, differences, entry_of, march

__all__ = ["march"]

MAY = Month(2026, 5)
BEGIN = datetime(2026, 5, 10, tzinfo=timezone.utc)
BEFORE, AFTER = BEGIN - timedelta(days=5), BEGIN + timedelta(days=5)
OPENING = Entry("ble_0", "OPENING_BALANCE", 900, 900, "USD", "shp_1", BEGIN)
OLD = Sale("ord_1", "1", "pmt_1", "COMPLETED", 500, 500, 500, BEFORE)


def missing(*entries: Entry, **material: Any) -> list[str]:
    """Ids of what has no entry in a month whose ledger begins on its tenth day."""
    given: dict[str, Any] = {"sales": [], "refunds": [], "disputes": [], "payouts": [], **material}
    closing = close_of(Material("shp_1", MAY, [], [OPENING, *entries], [], BEGIN, **given))
    return [found.object_id for found in closing.differences if found.code == "no entry"]


def test_what_is_older_than_the_ledger_has_no_entry() -> None:
    assert missing(sales=[OLD]) == []
    assert missing(payouts=[PaidOut("po_1", "COMPLETED", 100, 0, BEFORE, False)]) == []
    refund = Claim("ref_1", OLD.id, "COMPLETED", 500, None, BEFORE)
    assert missing(sales=[OLD], refunds=[refund]) == []


def test_what_moved_since_then_has_one_however_old_its_order_is() -> None:
    assert missing(payouts=[PaidOut("po_1", "COMPLETED", 100, 0, AFTER, False)]) == ["po_1"]
    refund = Claim("ref_1", OLD.id, "COMPLETED", 500, None, AFTER)
    assert missing(sales=[OLD], refunds=[refund]) == ["ref_1"]
    dispute = Claim("dsp_1", OLD.id, "LOST", 500, 15, AFTER)
    assert missing(sales=[OLD], disputes=[dispute]) == ["dsp_1"]


def test_an_older_dispute_of_the_same_order_is_not_taken_for_one_without_entry() -> None:
    disputes = [
        Claim("dsp_1", OLD.id, "WON", 500, 15, BEFORE),
        Claim("dsp_2", OLD.id, "LOST", 500, 15, AFTER),
    ]
    booked = Entry("ble_1", "DISPUTE_CREATED", -515, 385, "USD", "pmt_1", AFTER)
    assert missing(booked, sales=[OLD], disputes=disputes) == []


# --- rows without a time


@pytest.mark.django_db(transaction=True)
def test_an_entry_without_a_readable_time_is_named(
    sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    entry = entry_of(sandbox, "PAYOUT")  # nothing follows it
    fields = {"createdAt": "the day before"}
    sandbox.change([{"op": "edit_entry", "id": entry["id"], "fields": fields}])
    read_all()
    assert LedgerEntry.objects.get(pk=entry["id"]).created_at is None
    code, closing = close()
    # It is in the ledger, so its payout has an entry.
    assert (code, closing["state"], differences(closing)) == (4, "INCOMPLETE", [])
    (reason,) = closing["incomplete"]
    assert (reason["code"], reason["resource"], reason["count"]) == ("undated", "ledger", 1)
    assert entry["id"] in reason["text"]


@pytest.mark.django_db(transaction=True)
def test_it_is_missed_where_the_balance_breaks_and_booked_twice_is_still_found(
    sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    entry = entry_of(sandbox, "PAYMENT_RECEIVED")
    sandbox.change([{"op": "repeat_entry", "id": entry["id"], "balances": True}])
    sandbox.change([{"op": "edit_entry", "id": entry["id"], "fields": {"createdAt": None}}])
    read_all()
    found = {code for code, _, _ in differences(close()[1])}
    assert found == {"balance", "twice"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Order, Refund, Dispute, Payout])
def test_what_it_belongs_to_is_named_as_well(
    model: Any, sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    read_all()
    row = model.objects.filter(created_at__year=2025).latest("created_at")
    model.objects.filter(pk=row.pk).update(created_at=None)
    closing = close()[1]
    assert (closing["state"], differences(closing)) == ("INCOMPLETE", [])
    (reason,) = closing["incomplete"]
    assert (reason["code"], reason["ids"]) == ("undated", [row.pk])
    assert close(MONTH)[1]["incomplete"]
