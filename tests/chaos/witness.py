"""Looks at both sides all the while, past all of the shop's code."""

from __future__ import annotations

import time
from http.client import HTTPException
from typing import Any

import psycopg

from tests.chaos.misfortunes import LAG_SECONDS
from tests.chaos.shop import ChaosShop

__all__ = ["Witness"]

# A run that saw the absence may write it when it has read the rest, after waits for its quota.
LATE_SECONDS = LAG_SECONDS + 120
TABLES = {
    "product": "products",
    "category": "categories",
    "order": "orders",
    "refund": "refunds",
    "dispute": "disputes",
    "payout": "payouts",
    "coupon": "coupons",
    "subscription": "subscriptions",
    "license": "licenses",
    "ledgerentry": "ledger",
}
GONE = " UNION ALL ".join(
    f"SELECT '{dump}', id, extract(epoch from gone_at) FROM pandabase_{table}"
    " WHERE gone_at IS NOT NULL"
    for table, dump in TABLES.items()
)
GONE_VARIANTS = """
    SELECT product_id, extract(epoch from gone_at), id FROM pandabase_productvariant
    WHERE gone_at IS NOT NULL
"""


class Witness:
    """Samples both sides.

    Args:
        shop: Whose rows, and whose remote.
    """

    def __init__(self, shop: ChaosShop) -> None:
        self._shop = shop
        self.samples = self.skipped = self.gone_rows = 0
        self.false_tombstones: set[str] = set()

    def sample(self) -> None:
        """Look, unless one of the two sides is away."""
        try:
            self.look()
            self.samples += 1
        except (OSError, HTTPException, ValueError, psycopg.Error):
            self.skipped += 1

    def look(self) -> None:
        """Note what is marked as gone and was there all the while.

        Raises:
            OSError: The remote is away.
            psycopg.Error: The database is.
        """
        remote = self._shop.remote
        remote.look()
        before = self._shown()
        gone = self._shop.query(GONE)
        variants = self._shop.query(GONE_VARIANTS)
        after = self._shown()
        self.gone_rows = len(gone) + len(variants)
        for kind, pk, gone_at in gone:
            if pk in before[kind] and pk in after[kind] and not self._was_absent(pk, gone_at):
                self._note(f"{kind} {pk}", gone_at)
        for product, gone_at, pk in variants:
            shown = pk in before["variants"] and pk in after["variants"]
            if shown and not self._was_absent(product, gone_at):
                self._note(f"variant {pk}", gone_at)

    def _shown(self) -> dict[str, set[str]]:
        dumps = {dump: self._shop.remote.dump(dump) for dump in TABLES.values()}
        found = {kind: {one["id"] for one in objects} for kind, objects in dumps.items()}
        found["variants"] = {
            variant["id"] for one in dumps["products"] for variant in one["variants"] or ()
        }
        return found

    def _was_absent(self, pk: str, gone_at: Any) -> bool:
        return any(
            began <= float(gone_at) <= ended + LATE_SECONDS
            for began, ended in self._shop.remote.absences.get(pk, ())
        )

    def _note(self, what: str, gone_at: Any) -> None:
        moment = time.strftime("%H:%M:%S", time.gmtime(float(gone_at)))
        self.false_tombstones.add(f"{what}, gone at {moment} UTC")
