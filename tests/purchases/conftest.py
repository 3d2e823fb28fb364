"""A shop whose sessions stand at the sandbox and here, and the three ways to learn of an order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from pandabase_django.events import on_paid, on_restored, on_reversed
from pandabase_django.models import CheckoutSession, Order, Product, Purchase, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.handing import process_purchase
from pandabase_django.services.purchases.reference import metadata_for
from pandabase_django.services.sync.refresh import fetch_order, refresh_row
from pandabase_django.services.sync.runs import sync_resource
from tests.handlers import no_handlers

LICENCE = {"name": "Licence", "amount": 4900, "quantity": 1}


@dataclass
class Shop:
    """Opens sessions as a shop does, and has them paid by the sandbox's buyers."""

    sandbox: Sandbox
    store: Store
    buyer: User
    products: list[Product] = field(default_factory=list)

    def open(
        self, items: list[dict[str, Any]] | None = None, *, body: Any = None, **columns: Any
    ) -> CheckoutSession:
        """A session at both sides; the items are those of the remote's call."""
        items = items or [LICENCE]
        session = CheckoutSession(
            store=self.store,
            currency="USD",
            expires_at=timezone.now() + timedelta(hours=6),
            items=[self._kept(item) for item in items],
            **{"state": "OPEN", "user": self.buyer, "purpose": "licence", **columns},
        )
        session.session_id = self.stranger(
            items, metadata=metadata_for(session.reference), **(body or {})
        )
        session.save(force_insert=True)
        return session

    def stranger(self, items: list[dict[str, Any]], **body: Any) -> str:
        """A session that anybody opened; gives its id."""
        return self.sandbox.change([{"op": "open_checkout", "items": items, **body}])[0]

    def pay(self, session: CheckoutSession | str, **options: Any) -> str:
        """Pay it; gives the order's id."""
        pk = session if isinstance(session, str) else session.session_id
        return self.sandbox.change([{"op": "pay_checkout", "id": pk, **options}])[-1]

    def change(self, op: str, order_id: str, **options: Any) -> None:
        """Something happens to an order."""
        self.sandbox.change([{"op": op, "id": order_id, **options}])

    def webhook(self, order_id: str) -> None:
        """What a delivery that names the order does."""
        fetch_order(self.store, order_id, delivery_id="1")

    def poll(self, order_id: str = "") -> None:
        """A scheduled sync."""
        sync_resource(self.store, resource="orders", trigger=SyncRun.Trigger.SCHEDULE)

    def refresh(self, order_id: str) -> None:
        """A person asks for the order."""
        if Order.objects.filter(pk=order_id).exists():
            refresh_row("order", order_id)

    def purchase(self, order_id: str) -> Purchase:
        return Purchase.objects.get(order=order_id)

    def verdict(self, order_id: str) -> str:
        found = Purchase.objects.filter(order=order_id).first()
        return found.verdict if found else ""

    def codes(self, order_id: str) -> set[str]:
        return {difference["code"] for difference in self.purchase(order_id).differences}

    @staticmethod
    def _kept(item: dict[str, Any]) -> dict[str, Any]:
        return {
            "product_id": item.get("product_id", ""),
            "variant_id": item.get("variant_id", ""),
            "name": item.get("name", ""),
            "quantity": item["quantity"],
            "price_minor": item.get("amount", item.get("price")),
            "least_minor": None,
            "subscription": False,
        }


@pytest.fixture(autouse=True)
def _no_handlers() -> Iterator[None]:
    with no_handlers():
        yield


Learn = Callable[[str], None]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 10, "orders": 3}


@pytest.fixture
def shop(sandbox: Sandbox, store: Store) -> Shop:
    return Shop(sandbox, store, User.objects.create_user("buyer"))


@pytest.fixture(params=["webhook", "poll", "refresh"])
def learn(request: pytest.FixtureRequest, shop: Shop) -> Learn:
    """Learn of an order by one of the ways, or of all orders."""
    way: Learn = getattr(shop, request.param)
    if request.param == "refresh":

        def listed_first(order_id: str) -> None:
            # Only what is here can be asked for.
            shop.poll()
            way(order_id)

        return listed_first
    return way


@pytest.fixture
def calls() -> list[str]:
    """What was handed out and taken back, by handlers of the purpose ``licence``."""
    said: list[str] = []

    @on_paid("licence")
    def grant(purchase: Purchase) -> None:
        said.append("paid")

    @on_reversed("licence")
    def take_back(purchase: Purchase) -> None:
        said.append("reversed")

    @on_restored("licence")
    def grant_again(purchase: Purchase) -> None:
        said.append("restored")

    return said


def work() -> None:
    """Workers have all the time they need."""
    Purchase.objects.filter(state="PENDING").update(next_attempt_at=timezone.now())
    for pk in queue.due_purchases(now=timezone.now() + timedelta(minutes=3)):
        process_purchase(pk)
