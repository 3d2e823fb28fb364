"""What everybody may see of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.sandbox.checkout.conftest import Stranger

Product = Callable[..., str]


@pytest.fixture
def see(stranger: Stranger) -> Callable[[str], Any]:
    def call(path: str) -> Any:
        response = stranger.call("GET", f"/v2/storefront/stores/{stranger.sandbox.store_id}{path}")
        return response.json().get("data", response.status_code)

    return call


@pytest.mark.fact(43)
def test_the_store_and_its_products_on_sale_are_shown_to_everybody(
    sandbox: Sandbox, product: Product, see: Callable[[str], Any]
) -> None:
    shown = product(title="Shown", price=700, variants=[{"title": "Team", "price": 900}])
    draft, gone = product(status="DRAFT"), product()
    sandbox.change([{"op": "delete_product", "id": gone}])
    assert see("")["id"] == sandbox.store_id
    listed = see("/products?limit=100")
    ids = [one["id"] for one in listed["items"]]
    assert listed["pagination"]["total"] == len(ids)
    assert ids[0] == shown
    assert not {draft, gone} & set(ids)
    assert all(one["status"] == "ACTIVE" for one in listed["items"])
    found = see(f"/products/{shown}")
    assert (found["price"], found["variants"][0]["price"]) == (700, 900)
    assert [see(f"/products/{identity}") for identity in (draft, gone, "prd_1")] == [404] * 3
    assert [one["title"] for one in see("/products?search=shown")["items"]] == ["Shown"]
    prices = [one["price"] for one in see("/products?sortBy=price&sortOrder=asc")["items"]]
    assert prices == sorted(prices)


@pytest.mark.fact(43)
def test_a_category_shows_its_children_and_products(
    sandbox: Sandbox, product: Product, see: Callable[[str], Any]
) -> None:
    parent, child = sandbox.change([{"op": "create_category", "count": 2}])
    sandbox.change([{"op": "edit_category", "id": child, "fields": {"parentId": parent}}])
    identity = product(categoryIds=[parent])
    shown = see(f"/categories/{parent}")
    assert [one["id"] for one in shown["products"]] == [identity]
    assert [one["id"] for one in shown["children"]] == [child]
    assert [one["id"] for one in see(f"/categories?parentId={parent}")["items"]] == [child]
    assert [one["id"] for one in see(f"/products?categoryId={parent}")["items"]] == [identity]
    assert see("/categories/ctg_1") == 404
