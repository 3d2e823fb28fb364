"""What goes on in the shop meanwhile: sales, refunds, edits, buyers."""

from __future__ import annotations

import random
import urllib.error
from collections import Counter
from http.client import HTTPException
from typing import Any

from demo_project.buying import buy
from demo_project.site import BUYER
from tests.chaos.shop import ChaosShop

__all__ = ["Life"]

PRODUCTS, ORDERS = 60, 300
STATUSES = ("COMPLETED", "COMPLETED", "COMPLETED", "PENDING", "PROCESSING", "FAILED")


class Life:
    """The store's own changes, and a buyer.

    Args:
        shop: Whose.
        dice: Of the changes.
    """

    def __init__(self, shop: ChaosShop, dice: random.Random) -> None:
        self._shop, self._dice = shop, dice
        self.done: Counter[str] = Counter()
        self._paid: list[str] = []
        self._unpaid: list[str] = []
        self._reversed: set[str] = set()
        self._undecided: list[str] = []
        self._gone: list[dict[str, Any]] = []

    def buy(self) -> bool:
        """Buy by the shop's pages; whether that was possible."""
        try:
            buy(self._shop.site, username=BUYER, password=self._shop.password)
        except (OSError, HTTPException, LookupError, ValueError):
            self.done["not bought"] += 1
            return False
        self.done["bought"] += 1
        return True

    def change(self) -> None:
        """Change one thing at the remote."""
        change = self._drawn()
        self._begin(change)
        try:
            ids = self._shop.remote.change(**change)
        except urllib.error.HTTPError:
            self.done["impossible"] += 1  # such as the refund of what was not paid
        except (OSError, HTTPException):
            self.done["remote away"] += 1
        else:
            self.done[change["op"]] += 1
            self._note(change, ids)

    def _begin(self, change: dict[str, Any]) -> None:
        """Note what is done once to an order, also when the answer gets lost.

        No remote pays or disputes an order after its refund (P-27), or decides a dispute twice.
        One that was disputed is not refunded here: the dispute could still be won.
        """
        verb = change["op"].partition("_")[0]
        if verb == "set":
            self._unpaid.remove(change["id"])
        elif verb in ("dispute", "refund") and "id" in change:
            self._reversed.add(change["id"])
        elif verb == "resolve":
            self._undecided.remove(change["id"])

    def _note(self, change: dict[str, Any], ids: list[str]) -> None:
        verb, _, kind = change["op"].partition("_")
        if "order" in kind and "status" in change:
            if change["status"] in ("PENDING", "PROCESSING"):
                self._unpaid.extend(ids)
            elif change["status"] == "COMPLETED":
                self._paid.extend(ids)
        elif verb == "dispute":
            self._undecided.append(change["id"])
        elif verb == "delete":
            self._gone.append({**change, "op": f"undelete_{kind}"})
        elif verb == "undelete":
            self._gone = [one for one in self._gone if one != change]

    def _drawn(self) -> dict[str, Any]:
        dice = self._dice
        seeded: dict[str, Any] = {"index": dice.randrange(ORDERS)}
        is_new = dice.random() < 0.6
        edited = {"id": dice.choice(self._paid)} if self._paid and is_new else seeded
        kind, most = dice.choice([("product", PRODUCTS), ("product", PRODUCTS), ("category", 12)])
        item, number = {"index": dice.randrange(most)}, dice.randrange(100, 9_999)
        fields = {"name": f"Shelf {number}"} if kind == "category" else {"price": number}
        paid: dict[str, Any] = {"op": "create_order", "status": "COMPLETED"}
        if self._unpaid:
            paid = {**paid, "op": "set_order_status", "id": self._unpaid[-1]}
        kept = [pk for pk in self._paid if pk not in self._reversed]
        disputed: dict[str, Any] = {"op": "create_order", "status": "COMPLETED"}
        refunded = seeded
        if kept:
            disputed = {"op": "dispute_order", "id": dice.choice(kept)}
            refunded = {"id": dice.choice(kept)} if is_new else seeded
        resolved = disputed
        if self._undecided:
            outcome = dice.choice(["WON", "LOST"])
            resolved = {"op": "resolve_dispute", "outcome": outcome, "id": self._undecided[0]}
        back: dict[str, Any] = dice.choice(self._gone) if self._gone else {"op": "create_product"}
        return dice.choice(
            [
                *[{"op": "create_order", "status": dice.choice(STATUSES)}] * 4,
                paid,
                {"op": "edit_order", "fields": {"amount": number}, **edited},
                *[{"op": "refund_order", **refunded}] * 2,
                disputed,
                resolved,
                *[{"op": f"edit_{kind}", "fields": fields, **item}] * 2,
                {"op": f"delete_{kind}", **item},
                *[back] * 2,
                {"op": "create_product", "fields": {"title": f"New {number}"}},
            ]
        )
