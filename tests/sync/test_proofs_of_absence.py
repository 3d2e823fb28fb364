"""What is taken for a proof that a row is gone from the remote, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.models import Category, Product
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import product_differences

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = 20

NO_PROOFS: dict[str, dict[str, Any]] = {
    "401": {"action": "status", "args": {"status": 401}},
    "403": {"action": "status", "args": {"status": 403}},
    "429": {"action": "status", "args": {"status": 429, "retry_after_seconds": 600}},
    "500": {"action": "status", "args": {"status": 500}},
    "503": {"action": "status", "args": {"status": 503}},
    "html": {"action": "html"},
    "reset": {"action": "reset"},
    "wrong-json": {"action": "wrong_json"},
    "null-data": {"action": "null_data"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=7, products=PRODUCTS, orders=2, categories=5) as running:
        yield running


@pytest.mark.parametrize("answer", NO_PROOFS)
@pytest.mark.usefixtures("short_backoff")
@pytest.mark.fact(20)
def test_only_a_404_of_the_remote_proves_that_a_product_is_gone(
    sandbox: Sandbox, sync: Sync, answer: str
) -> None:
    sync("products")
    (hidden,) = sandbox.change([{"op": "hide_product", "index": 4}])
    match = {"method": "GET", "path_regex": f"/products/{hidden}$"}
    sandbox.fault([{"match": match, "times": 0, **NO_PROOFS[answer]}])
    for _ in range(2):
        sync("products")
    assert gone(Product) == set()


@pytest.mark.parametrize("op", ["delete_product", "delete_category"])
def test_a_tenth_of_a_list_that_vanishes_at_once_is_told_to_a_person(
    sandbox: Sandbox, sync: Sync, op: str
) -> None:
    model, what, many = (
        (Product, "products", PRODUCTS) if op == "delete_product" else (Category, "categories", 5)
    )
    sync("products")
    assert sync("products").run.attention == ""
    share = many // 10 + 1
    deleted = sandbox.change([{"op": op, "index": index} for index in range(share)])
    run = sync("products").run
    assert run.attention == f"{share} of {many} {what} vanished from the remote at once."
    assert gone(model) == set(deleted)


def test_a_few_products_that_vanish_ask_for_nobody(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    deleted = sandbox.change([{"op": "delete_product", "index": index} for index in range(2)])
    assert sync("products").run.attention == ""
    assert gone(Product) == set(deleted)
    assert product_differences(sandbox) == []


def gone(model: Any) -> set[str]:
    return set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
