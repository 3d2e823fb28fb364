"""The store's balance: its ledger, and payouts from it."""

from __future__ import annotations

from typing import Any

from pandabase_django.models import LedgerEntry, Payout
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.money.currency import fill_from_store
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.readings.sweep import Sweep

__all__ = ["LEDGER", "PAYOUTS"]

_FROM_THE_STORE = frozenset({"currency"})


LEDGER: Resource[Any] = Resource(
    name="ledger",
    model=LedgerEntry,
    keep=_FROM_THE_STORE,
    schedule=Schedule.SELDOM,
    listing=lambda client: client.ledger.listing,
    permission="PAYOUTS_READ",
    readings=[Newest(query={})],  # it can't be sorted, and entries never change (P-54)
    write_more=lambda context, items, changes, now: fill_from_store(context, LedgerEntry),
)
PAYOUTS: Resource[Any] = Resource(
    name="payouts",
    model=Payout,
    keep=_FROM_THE_STORE,
    schedule=Schedule.SELDOM,
    listing=lambda client: client.payouts.listing,
    permission="PAYOUTS_READ",
    readings=[Sweep(query={})],  # few; their statuses change, and the list has no filter
    write_more=lambda context, items, changes, now: fill_from_store(context, Payout),
)
