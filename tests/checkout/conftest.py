"""A shop that has mirrored the products it sells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache

from pandabase_django.checkout import open_checkout
from pandabase_django.models import CheckoutSession, Product, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource

RETURN_URL = "https://shop.example/thanks/{session}/"
PLANS = [
    {"id": "var_personal", "title": "Personal", "price": 1900, "inStock": True, "position": 0},
    {"id": "var_team", "title": "Team", "price": 4900, "inStock": True, "position": 1},
]


@dataclass
class Seller:
    """Sells what stands at the sandbox."""

    sandbox: Sandbox
    store: Store
    buyer: User

    def product(self, **fields: Any) -> Product:
        """A product that is on sale, mirrored."""
        fields = {"title": "Pro plan", "price": 2900, "status": "ACTIVE", **fields}
        (pk,) = self.sandbox.change([{"op": "create_product", "fields": fields}])
        self.sync()
        return Product.objects.get(pk=pk)

    def change(self, product: Product, **fields: Any) -> None:
        """Something about it changes at the remote."""
        self.sandbox.change([{"op": "edit_product", "id": product.pk, "fields": fields}])

    def sync(self) -> None:
        sync_resource(self.store, resource="products", trigger=SyncRun.Trigger.COMMAND)

    def sell(self, *items: Any, **options: Any) -> CheckoutSession:
        given: dict[str, Any] = {"return_url": RETURN_URL, "user": self.buyer, **options}
        return open_checkout(self.store, items, **given)

    def opened(self) -> list[Any]:
        """The sessions that stand at the remote."""
        return self.sandbox.dump("checkouts")


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 2, "orders": 1}


@pytest.fixture
def seller(sandbox: Sandbox, store: Store) -> Seller:
    cache.clear()
    return Seller(sandbox, store, User.objects.create_user("buyer"))
