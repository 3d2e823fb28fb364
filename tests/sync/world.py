"""A store at the sandbox and its mirror, both changed and read by the dice of one seed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Category, Order, Product, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync import compare
from pandabase_django.services.sync.runs import Caller, RunResult, sync_resource
from tests.connecting import connect
from tests.sync.equality import money_differences, order_differences, product_differences
from tests.sync.moments import Moments

__all__ = [
    "Catalog",
    "Change",
    "OpenWorld",
    "World",
    "open_world",
    "seeds",
    "sync_of",
    "world",
]

Change = dict[str, Any]

PRODUCTS = 120
PRODUCTS_OF_A_LARGE_CATALOG = 450
ORDERS = 230
CATEGORIES = 5
MODELS = {"products": Product, "categories": Category, "orders": Order}


def seeds(variable: str, usual: int) -> range:
    """As many seeds as the environment asks for, from PANDABASE_SOAK_FIRST on."""
    first = int(os.environ.get("PANDABASE_SOAK_FIRST", "0"))
    return range(first, first + int(os.environ.get(variable, usual)))


def sync_of(
    store: Store, resource: str, *, dry_run: bool = False, full: bool = False, **caller: Any
) -> Any:
    """A sync as a command starts it, or a dry run. Further arguments are those of ``Caller``."""
    if dry_run:
        return compare.dry_run(store, resource=resource, full=full)
    trigger = SyncRun.Trigger.COMMAND
    return sync_resource(
        store, resource=resource, trigger=trigger, full=full, caller=Caller(**caller)
    )


@dataclass(frozen=True, slots=True)
class Catalog:
    """How the store is made."""

    products: int = PRODUCTS
    times_shown: bool = False
    equal_times: bool = False
    odd_ids: bool = False
    foreign_ids: int = 0


class World:
    """A store at the sandbox and its mirror."""

    def __init__(
        self, sandbox: Sandbox, dice: random.Random, moments: Moments, *, catalog: Catalog
    ) -> None:
        self.sandbox = sandbox
        self.dice = dice
        self.catalog = catalog
        self.products = catalog.products
        self.orders = ORDERS
        self._named_late: set[int] = set()
        self._moments = moments
        if not self._put_back("a store"):
            connect(sandbox)
            moments.keep("a store")
        self.store = Store.objects.get()

    def first_sync(self, resource: str) -> None:
        """A store's first sync while nothing disturbs it: it ends alike for every seed."""
        name = (resource, conf.concurrency, self.catalog)
        if not self._put_back(name):
            assert self.sync(resource).run.state == "COMPLETED"
            assert self.differences(resource) == []
            self._moments.keep(name)

    def two_syncs_of_products(self) -> None:
        """The first two, after which a large catalogue is read by its newest changes."""
        name = ("products twice", conf.concurrency, self.catalog)
        if not self._put_back(name):
            self.first_sync("products")
            assert self.sync("products").run.state == "COMPLETED"
            self._moments.keep(name)

    def _put_back(self, name: Hashable) -> bool:
        """Put a moment back, and let its token call this sandbox: the one it knew is closed."""
        known = self._moments.put_back(name)
        if known:
            token = ApiToken.objects.get()
            token.base_url = self.sandbox.url
            token.secret = Secret(self.sandbox.hmac_token.secret)
            token.save()
        return known

    def sync(self, resource: str, **options: Any) -> RunResult:
        return sync_of(self.store, resource, **options)

    def catalog_changes(self, many: int) -> list[Change]:
        dice = self.dice
        changes: list[Change] = []
        for _ in range(many):
            index = dice.randrange(self.products)
            op = dice.choice(["create", "edit", "edit", "delete", "undelete", "swap", "category"])
            if op == "create":
                changes.append({"op": "create_product", "fields": {"title": "new"}})
                self.products += 1
            elif op == "edit":
                fields = {"price": dice.randrange(9999)}
                changes.append({"op": "edit_product", "index": index, "fields": fields})
            elif op == "swap":
                # As one: no total tells of it, and whoever stands between is shifted.
                changes.append({"op": "delete_product", "index": index})
                other = dice.randrange(self.products)
                changes.append({"op": "undelete_product", "index": other})
            elif op == "category":
                fields = {"name": f"c{dice.randrange(99)}"}
                changes.append({"op": "edit_category", "index": 2, "fields": fields})
            else:
                changes.append({"op": f"{op}_product", "index": index})
        return changes

    def large_catalog_changes(self, many: int) -> list[Change]:
        """As above, with edits of several pages at once, and categories that go and come back.

        A product that returns is dated so: one that is not, and stands far below the newest changes
        while another one goes, is seen by nothing but a full pass.
        """
        dice = self.dice
        calm = dice.random() < 0.7  # nothing that makes a full pass due
        changes: list[Change] = []
        for _ in range(many):
            if calm or dice.random() < 0.4:
                start, count = dice.randrange(self.products), dice.choice([20, 90, 130, 250])
                fields = {"price": dice.randrange(9999)}
                changes += [
                    {"op": "edit_product", "index": index % self.products, "fields": fields}
                    for index in range(start, start + count)
                ]
            elif dice.random() < 0.2:
                op = dice.choice(["delete_category", "undelete_category"])
                changes.append({"op": op, "index": dice.randrange(CATEGORIES)})
            else:
                for change in self.catalog_changes(1):
                    changes.append(change)
                    if change["op"] == "undelete_product":
                        changes.append({"op": "edit_product", "index": change["index"]})
        return changes

    def sales_changes(self, many: int) -> list[Change]:
        dice = self.dice
        changes: list[Change] = []
        for _ in range(many):
            index = dice.randrange(self.orders)
            op = dice.choice(
                ["create", "create", "refund", "dispute", "status", "edit", "edit", "edit", "late"]
            )
            if op == "create":
                count = dice.choice([1, 2, 40])
                status = dice.choice(["COMPLETED", "PENDING", "PROCESSING", "ON_HOLD"])
                known = status != "ON_HOLD"
                changes.append(
                    {
                        "op": "create_order",
                        "count": count,
                        "status": status if known else "COMPLETED",
                        "fields": {} if known else {"status": status},
                    }
                )
            elif op == "status":
                status = dice.choice(["COMPLETED", "CANCELLED", "FAILED", "PENDING"])
                changes.append({"op": "set_order_status", "index": index, "status": status})
                # The status may be what it was; then the list must tell in another way.
                fields = {"amount": dice.randrange(9999)}
                changes.append({"op": "edit_order", "index": index, "fields": fields})
            elif op == "edit":
                # Some of it moves without the order's time, as an e-mail of its customer does.
                touch, fields = dice.random() < 0.6, self._edit_of_an_order()
                # Most often of one that each poll's list shows.
                index = dice.choice([index, *[self.orders - 1 - dice.randrange(60)] * 2])
                changes.append(
                    {"op": "edit_order", "index": index, "fields": fields, "touch": touch}
                )
            elif op == "late":
                changes.append({"op": dice.choice(["hide_order", "show_order"]), "index": index})
                self._named_late.add(index)
            else:
                # It may be the second one; then the list must tell in another way, as above.
                fields = {"amount": dice.randrange(9999)}
                changes.append({"op": f"{op}_order", "index": index})
                changes.append({"op": "edit_order", "index": index, "fields": fields})
        return changes

    def _edit_of_an_order(self) -> dict[str, Any]:
        """Fields that lists show, of which one is not as it was."""
        dice = self.dice
        number = dice.randrange(9999)
        customer = {"id": f"cus_drawn{number % 5}", "email": f"drawn{number}@example.com"}
        return dice.choice(
            [
                {"amount": number},
                {"customer": customer},
                {"customer": None, "amount": number},
                {"discountCode": f"CODE{number}", "discounted": True},
                {"discountCode": None, "discounted": False, "amount": number},
                {"orderNumber": f"cs_drawn{number}"},
            ]
        )

    def show_all_orders(self) -> None:
        self.sandbox.change([{"op": "show_order", "index": i} for i in sorted(self._named_late)])

    def false_tombstones(self) -> set[str]:
        """Rows marked as gone that the remote lists."""
        gone = {
            kind: set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
            for kind, model in MODELS.items()
        }
        return {
            shown["id"]
            for kind, ids in gone.items()
            if ids  # most often there is none, and the whole store need not be told
            for shown in self.sandbox.dump(kind, include_deleted=False)
            if shown["id"] in ids
        }

    def may_come_back(self, changes: list[Change]) -> set[str]:
        """What is gone of the catalogue, now or by these changes, and one of the changes returns.

        What returns after its absence was proved is rightly a tombstone until the next sync. Ask
        before the changes are made.
        """
        found: set[str] = set()
        for kind, one in (("products", "product"), ("categories", "category")):
            rows = self.sandbox.dump(kind)
            ids = [row["id"] for row in rows]
            gone = {row["id"] for row in rows if "_deleted" in row}
            returned, deleted = (
                {
                    ids[change["index"]]
                    for change in changes
                    if change["op"] == f"{op}_{one}" and change["index"] < len(ids)
                }
                for op in ("undelete", "delete")
            )
            found |= returned & (gone | deleted)
        return found

    def differences(self, resource: str) -> list[str]:
        if resource == "products":
            return product_differences(self.sandbox)
        return order_differences(self.sandbox) + money_differences(self.sandbox)


OpenWorld = Callable[..., AbstractContextManager[World]]


@pytest.fixture
def open_world(transactional_db: None, moments: Moments, settings: Any) -> OpenWorld:
    """Opens the world of a seed, in an empty database."""
    usual = settings.PANDABASE

    @contextmanager
    def opened(seed: Any, *, catalog: Catalog = Catalog()) -> Iterator[World]:
        cache.clear()
        moments.empty()
        dice = random.Random(seed)
        settings.PANDABASE = {
            **usual,
            "CONCURRENCY": dice.choice([1, 2, 4]),
            # A drip is cut off after connect and twice the read seconds.
            "CONNECT_TIMEOUT_SECONDS": 1.0,
            "READ_TIMEOUT_SECONDS": 0.6,
        }
        with Sandbox(
            seed=7,
            products=catalog.products,
            orders=ORDERS,
            categories=CATEGORIES,
            product_timestamps=catalog.times_shown,
            equal_times=catalog.equal_times,
            odd_ids=catalog.odd_ids,
            foreign_ids=catalog.foreign_ids,
        ) as sandbox:
            yield World(sandbox, dice, moments, catalog=catalog)

    return opened


@pytest.fixture
def world(open_world: OpenWorld, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world of one seed, the fixture's parameter."""
    with open_world(request.param) as opened:
        yield opened


@pytest.fixture
def large_world(open_world: OpenWorld, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world of one seed whose catalogue is read by its newest changes."""
    catalog = Catalog(PRODUCTS_OF_A_LARGE_CATALOG, times_shown=request.param % 2 == 1)
    with open_world(request.param, catalog=catalog) as opened:
        yield opened
