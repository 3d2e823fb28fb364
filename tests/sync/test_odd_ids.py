"""Ids of any form: one object's id never stops the others."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import Category, Order, Product, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.seed.identity import ODD_ENDINGS
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.refresh import refresh_row
from pandabase_django.services.sync.resources import resource_named
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

ODD = ("ord:1", "ord 1", "ord/../x", "ord+1=", "örd", "..%2F", "...", "a/b/", "%2e%2e", "?x#y")


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 120, "orders": 230, "odd_ids": True}


def test_orders_with_ids_of_any_form_get_their_details(sandbox: Sandbox, sync: Sync) -> None:
    sandbox.change(
        [{"op": "rename_order", "index": 50 + n, "to": name} for n, name in enumerate(ODD)]
    )
    run = sync("orders").run
    assert (run.state, run.warnings) == ("COMPLETED", [])
    assert Order.objects.filter(pk__in=ODD, dirty=False).count() == len(ODD)
    assert Order.objects.filter(pk__endswith=ODD_ENDINGS[3], dirty=False).count() == 2
    assert order_differences(sandbox) == []
    for name in ODD:
        refresh_row("order", name)
    assert audit(Order.objects.all()[0].store, resource="orders", full=True).equal


def test_products_with_ids_of_any_form_are_marked_as_gone_when_they_are(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.change(
        [{"op": "rename_product", "index": 50 + n, "to": name} for n, name in enumerate(ODD)]
    )
    assert sync("products").run.state == "COMPLETED"
    assert product_differences(sandbox) == []
    assert Category.objects.filter(pk__endswith="/../x").count() == 1
    sandbox.change([{"op": "delete_product", "id": name} for name in ODD[:5]])
    run = sync("products").run
    assert (run.state, run.rows_gone >= 5) == ("COMPLETED", True)
    gone = Product.objects.filter(gone_at__isnull=False)
    assert set(gone.values_list("pk", flat=True)) == set(ODD[:5])
    assert product_differences(sandbox) == []


@pytest.mark.parametrize("unfit", [".", "..", "a\x00b", "a\nb", "a\ud800"])
@pytest.mark.parametrize("resource", ["orders", "products"])
def test_an_id_that_no_path_or_key_can_hold_is_left_out_and_named(
    sandbox: Sandbox, sync: Sync, resource: str, unfit: str
) -> None:
    kind = resource[:-1]
    sandbox.change([{"op": f"rename_{kind}", "index": 60, "to": unfit}])
    run = sync(resource).run
    model = Order if resource == "orders" else Product
    assert model.objects.count() == (229 if resource == "orders" else 119)
    assert run.state == "PARTIAL"
    assert any("was left out" in text for text in run.warnings)
    if resource == "orders":
        assert not Order.objects.filter(dirty=True).exists()


@pytest.mark.parametrize("bad", ["unfit", "other store"])
@pytest.mark.parametrize("resource", ["payouts", "refunds", "subscriptions"])
def test_a_run_that_can_not_keep_one_row_keeps_the_others_and_ends_in_part(
    sandbox: Sandbox, sync: Sync, resource: str, bad: str
) -> None:
    if resource == "payouts":
        sandbox.change([{"op": "create_payout"}] * 2)
    model = resource_named(resource).table
    everything = {row["id"] for row in sandbox.dump(resource)}
    if bad == "unfit":
        match = {"path_regex": f"/{resource}$"}
        edits = {"set": {"data.items.0.id": ".."}}
        sandbox.fault([{"match": match, "times": 0, "action": "edit_body", "args": edits}])
        kept = len(everything) - 1
    else:
        now, other = timezone.now(), Store.objects.create(pk="shp_other")
        model._default_manager.create(
            pk=min(everything), store=other, first_seen_at=now, synced_at=now
        )
        kept = len(everything)
    for run in (sync(resource, dry_run=True).run, sync(resource).run):
        assert run.state == "PARTIAL"
        assert any("was left out" in text for text in run.warnings)
    assert model._default_manager.count() == kept > 1


def test_a_row_that_was_stored_with_an_unfit_id_keeps_no_other_waiting(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    Order.objects.filter(pk=Order.objects.order_by("pk")[0].pk).update(dirty=True)
    now = Order.objects.all()[0].first_seen_at
    store = Order.objects.all()[0].store
    for pk in ("..", "."):
        Order.objects.create(pk=pk, store=store, dirty=True, first_seen_at=now, synced_at=now)
    run = sync("orders").run
    assert run.state == "PARTIAL"
    assert set(Order.objects.filter(dirty=True).values_list("pk", flat=True)) == {".", ".."}


def test_a_product_that_can_not_be_asked_for_holds_up_no_other(
    sandbox: Sandbox, sync: Sync, short_backoff: None
) -> None:
    sync("products")
    first, second, third = (
        sandbox.change([{"op": "delete_product", "index": n}])[0] for n in (20, 21, 22)
    )
    sandbox.fault([{"match": {"path_regex": f"/{second}$"}, "action": "status", "times": 0}])
    run = sync("products").run
    gone = Product.objects.filter(gone_at__isnull=False)
    assert set(gone.values_list("pk", flat=True)) == {first, third}
    assert any(second in text for text in run.warnings)
