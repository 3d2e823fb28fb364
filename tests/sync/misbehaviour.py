"""What a remote does wrong for a while, drawn by the dice of one seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from tests.sync.world import PRODUCTS, Catalog, Change, World

__all__ = ["Misbehaviour", "PassTime", "drawn_catalog", "pass_time"]

LISTS = {"method": "GET", "path_regex": "/(products|categories|orders|refunds|disputes)$"}
READS = {"method": "GET", "path_regex": "/(products|categories|orders|refunds|disputes)"}
KINDS = {"products": ("products", "categories"), "orders": ("orders", "refunds", "disputes")}
DEPRIVED = ("PRODUCTS_READ", "CATEGORIES_READ", "ORDERS_READ", "REFUNDS_READ", "DISPUTES_READ")
REFUSALS: tuple[Change, ...] = (
    {"action": "status", "args": {"status": 401}},
    {"action": "status", "args": {"status": 403}},
    {"action": "html", "args": {"status": 401}},
    {"action": "html", "args": {"status": 403}},
    {"action": "redirect", "args": {"location": "http://127.0.0.1:99999999/"}},
    {"action": "redirect", "args": {"location": "//[x", "bytes": 100_000}},
    {"action": "status", "args": {"status": 503}},
)
DRIPPING: Change = {"action": "drip_head", "args": {"seconds": 0.1}}

PassTime = Callable[[Sandbox, float], None]


def drawn_catalog(seed: object) -> Catalog:
    """How the store of a seed is made."""
    dice = random.Random(f"catalog {seed}")
    return Catalog(
        products=dice.choice([PRODUCTS, 250]),
        times_shown=dice.random() < 0.5,
        equal_times=dice.random() < 0.3,
        odd_ids=dice.random() < 0.4,
        foreign_ids=8 if dice.random() < 0.3 else 0,
    )


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Lets time pass on both sides."""
    ahead, now = timedelta(), timezone.now

    def let_pass(sandbox: Sandbox, seconds: float) -> None:
        nonlocal ahead
        ahead += timedelta(seconds=seconds)
        sandbox.pass_time(seconds=seconds)

    monkeypatch.setattr(timezone, "now", lambda: now() + ahead)
    return let_pass


class Misbehaviour:
    """Settings that hold until :meth:`end`, and refusals that each round draws anew.

    Args:
        world: Whose sandbox misbehaves, and whose dice are thrown.
        resource: What is read.
    """

    def __init__(self, world: World, resource: str) -> None:
        self._world = world
        self._kinds = KINDS[resource]
        self.absent: set[str] = set()
        """Ids that were absent at the remote at some time: late replicas may say so for longer."""

    def begin(self) -> None:
        """Set what holds for all rounds."""
        dice = self._world.dice
        self._world.sandbox.set(
            list_lag_seconds=float(dice.choice([0, 5, 30, 60])),
            detail_lag_seconds=float(dice.choice([0, 5, 30, 60])),
            lag_share=dice.choice([0.5, 0.5, 0.8, 0.2, 1.0]),
            lag_only=dice.choice(["", "", *self._kinds]),
            page_cap=dice.choice([0, 0, 37, 50]),
            unstable_order=dice.random() < 0.4,
            deleted_product_get=dice.choice(["404", "200"]),
            error_style=dice.choice(["text", "object"]),
        )

    def begin_round(self, changes: Callable[[int], list[Change]]) -> None:
        """Change the store now and while it is read, and refuse some requests."""
        dice, sandbox = self._world.dice, self._world.sandbox
        before = changes(dice.randint(0, 4))
        rules: list[dict[str, Any]] = [
            {
                "match": READS,
                "nth": dice.randint(1, 30),
                "changes": changes(dice.randint(1, 4)),
            }
            for _ in range(dice.randint(0, 2))
        ]
        self._note_absent([*before, *(change for rule in rules for change in rule["changes"])])
        if dice.random() < 0.4:
            wrong = {"action": "edit_total", "args": {"by": dice.choice([-3, -1, 1, 40])}}
            nth = dice.randint(1, 4)
            rules.append({"match": LISTS, "nth": nth, "times": 0, "seconds": 60, **wrong})
        if dice.random() < 0.5:
            refusal, times = dice.choice(REFUSALS), dice.choice([1, 1, 6])
            rules.append({"match": READS, "nth": dice.randint(1, 20), "times": times, **refusal})
        if dice.random() < 0.05:
            rules.append({"match": READS, "nth": dice.randint(1, 9), **DRIPPING})
        if dice.random() < 0.25:
            taken = dice.choice(DEPRIVED)
            self._permit(tuple(one for one in ALL_PERMISSIONS if one != taken))
        sandbox.change(before)
        sandbox.fault(rules)

    def end_round(self) -> None:
        """Refuse nothing any more."""
        self._world.sandbox.clear_faults()
        self._permit(ALL_PERMISSIONS)

    def end(self) -> None:
        """Behave again. What lagged has caught up once the time of the lag has passed."""
        self._world.sandbox.set(
            list_lag_seconds=0.0, detail_lag_seconds=0.0, page_cap=0, unstable_order=False
        )

    def _permit(self, permissions: tuple[str, ...]) -> None:
        self._world.sandbox.permit_token(self._world.sandbox.hmac_token.token_id, permissions)

    def _note_absent(self, changes: list[Change]) -> None:
        ids = self._world.sandbox.state.ids
        for change in changes:
            op, _, kind = change["op"].partition("_")
            if op in ("delete", "hide"):
                self.absent.add(ids.make(kind, change["index"]))
