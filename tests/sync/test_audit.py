"""An audit tells what differs and why, and writes nothing at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from pandabase_django.models import (
    Category,
    Order,
    OrderItem,
    Product,
    ProductVariant,
    Store,
    SyncCursor,
    SyncRun,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.run import lease as leases
from tests.commands import pandabase_sync
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of the app."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("pandabase").get_models()
    }


def whys(store: Store, resource: str) -> dict[str, str]:
    found = audit(store, resource=resource, full=True)
    return {d.id: f"{d.what}: {d.why}" for d in found.differences}


def test_counts_are_compared_by_a_few_requests_and_it_says_so(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("products")
    sync("orders")
    before = sandbox.requests_served
    code, text = pandabase_sync("--audit")
    assert code == 0
    assert sandbox.requests_served - before == 10
    assert text.count("EQUAL") == 2
    assert text.count("Counts alone were compared") == 2
    sandbox.change([{"op": "refund_order", "index": 3}])
    code, text = pandabase_sync("--audit", "--resource", "orders")
    assert code == 4
    assert "DIFFERENT" in text
    assert "there and" in text
    # Counts can't see this.
    sync("orders")
    sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 7}}])
    assert pandabase_sync("--audit", "--resource", "orders")[0] == 0
    assert pandabase_sync("--audit", "--full", "--resource", "orders")[0] == 4


def test_every_kind_of_difference_of_orders_is_named_with_its_reason(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    assert whys(store, "orders") == {}
    first, second, third, fourth, fifth, sixth = Order.objects.order_by("created_at")[:6]
    sandbox.change([{"op": "edit_order", "id": first.pk, "fields": {"amount": 7}}])
    Order.objects.filter(pk=second.pk).update(status="LOST")
    Order.objects.filter(pk=third.pk).update(dirty=True)
    Order.objects.filter(pk=fourth.pk).update(gone_at=timezone.now())
    Order.objects.filter(pk=fifth.pk).update(store=Store.objects.create(id="shp_other"))
    sandbox.change([{"op": "hide_order", "id": sixth.pk}])
    (new,) = sandbox.change([{"op": "create_order"}])
    Order.objects.create(
        id="ord_invented", store=store, first_seen_at=timezone.now(), synced_at=timezone.now()
    )
    found = whys(store, "orders")
    assert found == {
        first.pk: f"differs: amount_minor: {first.amount_minor} here, 7 there.",
        second.pk: f"differs: status: LOST here, {second.status} there.",
        third.pk: "due: It is to be read again; the next sync does.",
        fourth.pk: found[fourth.pk],
        fifth.pk: "other store: It is here under shp_other.",
        sixth.pk: "not listed: The remote does not list it, but answers for it by its id.",
        new: "missing: It is not here.",
        "ord_invented": "not listed: The remote does not list it, and does not find it either.",
    }
    assert found[fourth.pk].startswith("tombstone: It is marked as gone here since")


def test_every_kind_of_difference_of_products_is_named_with_its_reason(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("products")
    assert whys(store, "products") == {}
    variant = ProductVariant.objects.order_by("pk")[0]
    category = Category.objects.order_by("pk")[0]
    ProductVariant.objects.filter(pk=variant.pk).update(price_minor=1, in_stock=None)
    Category.objects.filter(pk=category.pk).update(name="Another")
    (deleted,) = sandbox.change([{"op": "delete_product", "index": 4}])
    (edited,) = sandbox.change([{"op": "edit_product", "index": 9, "fields": {"price": 4242}}])
    found = whys(store, "products")
    assert set(found) >= {variant.product_id, category.pk, deleted, edited}
    of_variant = found[variant.product_id or ""]
    assert f"variant {variant.pk} price_minor: 1 here, {variant.price_minor} there." in of_variant
    assert f"variant {variant.pk} in_stock: None here, {variant.in_stock} there." in of_variant
    assert "name: Another here" in found[category.pk]
    assert found[deleted].startswith("not listed: The remote does not list it, and does not find")
    assert "4242 there." in found[edited]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--audit",),
        ("--audit", "--full"),
        ("--dry-run",),
        ("--dry-run", "--full"),
        ("--dry-run", "--resource", "request_logs"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("synced", [True, False], ids=["synced", "new"])
def test_nothing_at_all_is_written(
    sandbox: Sandbox, sync: Sync, store: Store, arguments: tuple[str, ...], synced: bool
) -> None:
    if synced:
        sync("products")
        sync("orders")
    sandbox.change(
        [
            {"op": "refund_order", "index": 3},
            {"op": "create_order", "count": 120},
            {"op": "delete_product", "index": 4},
            {"op": "edit_product", "index": 9, "fields": {"price": 4242}},
        ]
    )
    before = everything()
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            written.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        pandabase_sync(*arguments)
    assert written == []
    assert everything() == before


def test_a_dry_run_tells_what_a_run_would_do(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    sync("orders")
    sandbox.change(
        [
            {"op": "refund_order", "index": 3},
            {"op": "create_order", "count": 120, "status": "PENDING"},
            {"op": "delete_product", "index": 4},
            {"op": "edit_product", "index": 9, "fields": {"price": 4242}},
        ]
    )
    products, orders = sync("products", dry_run=True).run, sync("orders", dry_run=True).run
    assert (products.rows_created, products.rows_updated, products.rows_gone) == (0, 1, 1)
    assert (orders.rows_created, orders.rows_updated, orders.rows_gone) == (120, 1, 0)
    dried_at = timezone.now()
    products, orders = sync("products").run, sync("orders").run
    assert (products.rows_created, products.rows_updated) == (0, 1)
    # The line items of new orders are known when their details are.
    items = OrderItem.objects.filter(first_seen_at__gt=dried_at).count()
    assert (orders.rows_created, orders.rows_updated) == (120 + items, 1)


def test_the_json_of_an_audit_holds_what_a_script_needs(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 7}}])
    code, text = pandabase_sync("--audit", "--full", "--resource", "orders", "--format", "json")
    report = json.loads(text)
    (found,) = report["audits"]
    assert (code, report["ok"], found["state"], found["compared"]) == (
        4,
        False,
        "DIFFERENT",
        "rows",
    )
    assert found["rows_compared"] == 230
    assert found["differences"][0]["what"] == "differs"
    assert found["counts"] == {"orders": {"there": 230, "here": 230}}


def test_an_audit_that_may_not_read_says_so_and_exits_4(sandbox: Sandbox, store: Store) -> None:
    match = {"method": "GET", "path_regex": "/orders$"}
    error = {"status": 403, "error": "Missing permission: ORDERS_READ"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": error}])
    code, text = pandabase_sync("--audit", "--resource", "orders")
    assert code == 4
    assert "SKIPPED" in text
    assert "ORDERS_READ" in text


def test_an_audit_of_a_list_that_moves_says_so(sandbox: Sandbox, sync: Sync, store: Store) -> None:
    sync("products")
    change = [{"op": "delete_product", "index": 4}]
    match = {"method": "GET", "path_regex": "/products$", "query": {"page": "2"}}
    sandbox.fault([{"match": match, "action": "none", "changes": change}])
    found = audit(store, resource="products", full=True)
    assert any("moved while it was read" in text for text in found.not_compared)
    assert not found.equal


def refuse_to_count(sandbox: Sandbox, **query: str) -> None:
    match = {"method": "GET", "path_regex": "/orders$", "query": {"limit": "1", **query}}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 400}}])


def test_a_status_that_may_not_be_counted_is_named_and_the_total_is_compared(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    refuse_to_count(sandbox, status="CHARGEBACK")
    code, text = pandabase_sync("--audit", "--resource", "orders")
    assert (code, "INCOMPLETE" in text, "TOTAL 230" in text) == (4, True, True)
    assert "The remote refuses to count orders in CHARGEBACK" in text
    sandbox.change([{"op": "create_order", "count": 3, "fields": {"status": "ON_HOLD"}}])
    code, text = pandabase_sync("--audit", "--resource", "orders")
    assert (code, "DIFFERENT" in text, "TOTAL 233 there and 230 here" in text) == (4, True, True)


def test_an_audit_that_can_count_nothing_is_not_equal(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    refuse_to_count(sandbox)
    code, text = pandabase_sync("--audit", "--resource", "orders")
    assert (code, "INCOMPLETE. Nothing was counted." in text) == (4, True)
    assert "The remote refuses to count all orders" in text
    # Its rows can be compared all the same.
    assert pandabase_sync("--audit", "--full", "--resource", "orders")[0] == 0


def test_a_full_audit_tells_how_many_really_stand_here(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    sandbox.change([{"op": "create_order", "count": 7}])
    hidden = Order.objects.order_by("created_at")[3]
    sandbox.change([{"op": "hide_order", "id": hidden.pk}])
    (count,) = audit(store, resource="orders", full=True).counts
    assert (count.there, count.here) == (236, 230)


def test_a_listed_row_that_can_not_be_read_is_not_equal(sandbox: Sandbox, store: Store) -> None:
    match = {"method": "GET", "path_regex": "/categories$", "query": {"limit": "100"}}
    edits = {"set": {"data.items.3.id": None}}
    sandbox.fault([{"match": match, "times": 0, "action": "edit_body", "args": edits}])
    found = audit(store, resource="products", full=True)
    assert any("1 of the listed categories could not be read" in t for t in found.not_compared)
    assert any("Page 1, row 4 was left out" in note for note in found.notes)


def test_payments_are_compared_as_far_as_the_list_shows_them(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    paid = Order.objects.exclude(payment_status="").order_by("pk")[0]
    unpaid = Order.objects.filter(payment_status="").order_by("pk")[0]
    Order.objects.filter(pk=paid.pk).update(payment_status="WRONG", total_minor=1)
    Order.objects.filter(pk=unpaid.pk).update(payment_status="COMPLETED")
    assert whys(store, "orders") == {
        paid.pk: f"differs: payment_status: WRONG here, {paid.payment_status} there. "
        f"total_minor: 1 here, {paid.total_minor} there.",
        unpaid.pk: "differs: payment_status: COMPLETED here, None there.",
    }


def test_a_sync_that_runs_when_the_audit_begins_is_told(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    lease = leases.acquire(store_id=store.pk, resource="orders")
    found = audit(store, resource="orders")
    assert any("A sync was running when the audit began" in note for note in found.notes)
    lease.release()
    assert audit(store, resource="orders").notes == []


def test_a_dry_run_names_a_sync_beside_it_too(sandbox: Sandbox, sync: Sync, store: Store) -> None:
    sync("products")
    lease = leases.acquire(store_id=store.pk, resource="products")
    code, text = pandabase_sync("--dry-run", "--resource", "products")
    assert (code, "A sync was running when the dry run began" in text) == (0, True)
    lease.release()
    assert sync("products", dry_run=True).notes == []


def test_a_sync_that_runs_during_an_audit_is_told(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    lease = leases.acquire(store_id=store.pk, resource="orders")
    SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=5))

    def awakes(run: SyncRun) -> None:
        lease.guard()

    # It overslept, nobody took its lease, and it goes on with the same fence.
    notes = audit(store, resource="orders", full=True, on_progress=awakes).notes
    assert any("A sync ran meanwhile" in note for note in notes)

    def sweep(run: SyncRun) -> None:
        leases.acquire(store_id=store.pk, resource="orders").release()

    lease.release()
    notes = audit(store, resource="orders", full=True, on_progress=sweep).notes
    assert any("A sync ran meanwhile" in note for note in notes)


def test_equal_tables_of_another_app_are_no_business_of_an_audit(store: Store) -> None:
    assert pandabase_sync("--audit", "--resource", "request_logs")[0] == 2
    assert Product.objects.count() == 0
