"""Equal means every column: the comparison forgets none, and takes none for another."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from demo_project.expected import BESIDE_ORDERS, CATALOG, KINDS, Kind
from pandabase_django.models import Category, MirrorRow, Order, OrderItem, Product, ProductVariant
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

KEYS_OF_SECRETS = {"licenses", "webhookSecret"}


@pytest.fixture
def telling(sandbox: Sandbox) -> Sandbox:
    """A store in which no two columns of a kind hold the same in all rows."""
    sandbox.set(product_timestamps=True)
    sandbox.change(
        [
            {"op": "edit_product", "index": 7, "fields": {"currency": "EUR"}},
            {"op": "edit_category", "index": 2, "fields": {"isArchived": True}},
            {"op": "edit_order", "index": 9, "fields": {"currency": "EUR"}},
        ]
    )
    return sandbox


def named(kind: Kind) -> str:
    return kind.name


def test_every_mirrored_model_is_compared() -> None:
    assert set(MirrorRow.__subclasses__()) < {kind.model for kind in (*KINDS, *BESIDE_ORDERS)}


@pytest.mark.parametrize("kind", [*KINDS, *BESIDE_ORDERS], ids=named)
def test_every_column_is_compared_or_left_out_with_a_reason(kind: Kind) -> None:
    columns = {field.attname for field in kind.model._meta.concrete_fields}
    assert columns == {*kind.columns, *kind.left_out}
    assert kind.columns.keys().isdisjoint(kind.left_out)
    assert all(kind.left_out.values())


@pytest.mark.parametrize("kind", [*KINDS, *BESIDE_ORDERS], ids=named)
def test_no_column_is_always_empty_or_holds_what_another_does(telling: Sandbox, kind: Kind) -> None:
    sources = list(kind.sources(telling.dump(kind.dump)))
    held = {name: [value(source) for source in sources] for name, value in kind.columns.items()}
    assert [name for name, values in held.items() if not set(values) - {None, ""}] == []
    assert [(a, b) for a, b in combinations(held, 2) if held[a] == held[b]] == []


def test_a_store_that_tells_all_columns_apart_ends_equal(telling: Sandbox, sync: Sync) -> None:
    sync("products")
    sync("orders")
    assert product_differences(telling) == []
    assert order_differences(telling) == []


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_wrong_value_in_any_column_is_found(telling: Sandbox, sync: Sync, kind: Kind) -> None:
    sync("products")
    sync("orders")
    differences = product_differences if kind in CATALOG else order_differences
    row = _whole(kind)
    for column in sorted(kind.columns.keys() - set(kind.key)):
        rows = kind.model._default_manager.filter(pk=row.pk)
        right = getattr(row, column)
        rows.update(**{column: _another(right)})
        (found,) = differences(telling)
        assert f"{row.pk}: {column}: remote" in found
        rows.update(**{column: right})
    assert differences(telling) == []


def test_payloads_are_what_the_remote_showed_without_its_secrets(
    telling: Sandbox, sync: Sync
) -> None:
    sync("products")
    sync("orders")
    orders, products = telling.dump("orders"), telling.dump("products")
    for model, shown in (
        (Category, telling.dump("categories")),
        (Product, products),
        (ProductVariant, [variant for product in products for variant in product["variants"]]),
        (Order, orders),
        (OrderItem, [item for order in orders for item in order["items"]]),
    ):
        stored = dict(model.objects.values_list("pk", "payload"))
        assert {pk: _open(payload) for pk, payload in stored.items()} == {
            value["id"]: _open(value) for value in shown
        }


def _open(value: dict[str, Any]) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key not in KEYS_OF_SECRETS}


def _whole(kind: Kind) -> Any:
    """A row with a value in each column that ever has one."""
    rows = list(kind.model._default_manager.all())
    return max(rows, key=lambda row: sum(getattr(row, c) not in (None, "") for c in kind.columns))


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(milliseconds=1)
    return value + ("x" if isinstance(value, str) else 1)
