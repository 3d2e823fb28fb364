"""Orders that the remote no longer has, or seems not to have: told, proved, looked for once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from pandabase_django.models import Order, OrderItem, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.writing import mark_dirty
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

IDLE = 20 + 20  # and the oldest details, which are read again


@pytest.mark.fact(22)
def test_a_falling_total_is_told_and_the_end_of_the_list_is_found_again(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    removed = sandbox.change([{"op": "remove_order", "index": index} for index in range(150)])
    sandbox.change([{"op": "create_order", "count": 30}])
    run = sync("orders").run
    assert "not supposed to vanish" in run.attention
    assert "150 orders vanished" in run.attention
    assert order_differences_of_live(sandbox) == []
    gone = Order.objects.filter(gone_at__isnull=False)
    assert set(gone.values_list("pk", flat=True)) == set(removed)
    assert not OrderItem.objects.filter(order__in=gone, gone_at__isnull=True).exists()
    run = sync("orders").run
    assert (run.state, run.attention) == ("COMPLETED", "")
    assert run.requests <= IDLE


@pytest.mark.fact(22)
def test_a_tombstone_that_somebody_names_again_stays_one(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (gone,) = sandbox.change([{"op": "remove_order", "index": 3}])
    sync("orders")
    mark_dirty(Order.objects.filter(pk=gone))
    run = sync("orders").run
    assert (run.state, run.attention) == ("COMPLETED", "")
    order = Order.objects.get(pk=gone)
    assert order.gone_at is not None
    assert order.dirty is False


def test_a_tombstone_that_is_listed_again_comes_back_with_its_items(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    gone = Order.objects.order_by("created_at")[3]
    Order.objects.filter(pk=gone.pk).update(gone_at=timezone.now())
    gone.items.update(gone_at=timezone.now())
    sync("orders")
    assert order_differences(sandbox) == []
    assert Order.objects.get(pk=gone.pk).gone_at is None
    assert not gone.items.filter(gone_at__isnull=False).exists()


def order_differences_of_live(sandbox: Sandbox) -> list[str]:
    gone = set(Order.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
    return [text for text in order_differences(sandbox) if text.split(":")[0] not in gone]


@pytest.mark.fact(22)
def test_an_order_that_answers_404_for_a_moment_is_no_tombstone(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (order,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 4}}])
    match = {"method": "GET", "path_regex": f"/orders/{order}$"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 404}}])
    run = sync("orders").run
    assert (run.state, run.rows_gone) == ("PARTIAL", 0)
    assert "does not find 1 orders that it counts" in run.attention
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def refuse(sandbox: Sandbox, pk: str, *, times: int = 0) -> None:
    """The order's own GET answers 404, though the list shows the order."""
    match = {"method": "GET", "path_regex": f"/orders/{pk}$"}
    sandbox.fault([{"match": match, "times": times, "action": "status", "args": {"status": 404}}])


@pytest.mark.fact(22)
def test_a_listed_order_that_is_never_found_keeps_no_other_from_its_tombstone(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (listed,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 4}}])
    refuse(sandbox, listed)
    (vanished,) = sandbox.change([{"op": "remove_order", "index": 20}])
    run = sync("orders").run
    assert gone() == {vanished}
    assert run.state == "PARTIAL"
    assert f"does not find 1 orders that it counts, such as {listed}" in run.attention
    run = sync("orders").run
    assert (gone(), run.state) == ({vanished}, "PARTIAL")
    assert run.requests <= IDLE + 3


@pytest.mark.fact(22)
def test_a_listed_order_that_is_never_found_does_not_stand_in_for_one_that_is_hidden(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    sandbox.change([{"op": "hide_order", "index": 20}])
    (listed,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 4}}])
    refuse(sandbox, listed)
    for _ in range(3):
        assert sync("orders").run.rows_gone == 0
    assert gone() == set()


@pytest.mark.fact(22)
def test_a_listed_order_is_found_before_its_place_when_many_are_hidden(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    # More than a page of older ones: by those that are here it would be a page further down.
    sandbox.change([{"op": "hide_order", "index": index} for index in range(120)])
    (listed,) = sandbox.change([{"op": "edit_order", "index": 200, "fields": {"amount": 4}}])
    refuse(sandbox, listed)
    mark_dirty(Order.objects.filter(pk=listed))
    assert listed in sync("orders").run.attention
    assert gone() == set()


def test_an_order_that_was_missing_for_a_moment_keeps_no_other_from_its_tombstone(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (flickers,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 4}}])
    refuse(sandbox, flickers, times=1)
    (vanished,) = sandbox.change([{"op": "remove_order", "index": 20}])
    assert sync("orders").run.state == "PARTIAL"
    assert gone() == {vanished}
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences_of_live(sandbox) == []


@pytest.mark.fact(22)
def test_of_more_orders_that_seem_gone_than_the_total_lacks_none_is_marked(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    removed = set(sandbox.change([{"op": "remove_order", "index": index} for index in (3, 20)]))
    mark_dirty(Order.objects.filter(pk__in=removed))
    count = {"path_regex": "/orders$", "query": {"limit": 1}}
    one_more = {"action": "edit_total", "args": {"by": 1}, "times": 0}
    sandbox.fault([{"match": count, **one_more}])
    run = sync("orders").run
    assert (gone(), run.rows_gone) == (set(), 0)
    assert "does not find 2 orders that it counts" in run.attention
    sandbox.clear_faults()
    sync("orders")
    assert gone() == removed


@pytest.mark.parametrize("listed", [3, 230])
def test_of_orders_of_one_time_only_the_one_that_vanished_goes(
    sandbox: Sandbox, sync: Sync, listed: int
) -> None:
    # More than a page of them, so that the time alone does not tell on which page one stands.
    fields = {"createdAt": "2026-11-01T10:00:00.000Z"}
    made = sandbox.change([{"op": "create_order", "count": 240, "fields": fields}])
    sync("orders")
    refuse(sandbox, made[listed])
    sandbox.change([{"op": "edit_order", "id": made[listed], "fields": {"amount": 4}}])
    (vanished,) = sandbox.change([{"op": "remove_order", "id": made[150]}])
    sync("orders", full=True)
    assert gone() == {vanished}


@pytest.mark.parametrize("indexes", [[0], [-1, -2, -3]], ids=["oldest", "newest"])
def test_orders_at_either_end_of_the_list_go_as_well(
    sandbox: Sandbox, sync: Sync, indexes: list[int]
) -> None:
    sync("orders")
    ids = [order["id"] for order in sandbox.dump("orders")]
    vanished = {ids[index] for index in indexes}
    sandbox.change([{"op": "remove_order", "id": pk} for pk in vanished])
    mark_dirty(Order.objects.filter(pk__in=vanished))
    sync("orders")
    assert gone() == vanished
    assert not Order.objects.filter(dirty=True).exists()


def test_an_order_without_a_time_of_creation_has_no_place_where_it_could_be_missed(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (vanished,) = sandbox.change([{"op": "remove_order", "index": 20}])
    Order.objects.filter(pk=vanished).update(created_at=None)
    mark_dirty(Order.objects.filter(pk=vanished))
    run = sync("orders").run
    assert gone() == set()
    assert f"does not find 1 orders that it counts, such as {vanished}" in run.attention


@pytest.mark.parametrize("sandbox_options", [{"seed": 7, "products": 0, "orders": 3}])
def test_all_orders_go_when_the_remote_counts_none(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    removed = set(sandbox.change([{"op": "remove_order", "index": index} for index in range(3)]))
    mark_dirty(Order.objects.all())
    assert "3 orders vanished" in sync("orders").run.attention
    assert gone() == removed


def gone() -> set[str]:
    return set(Order.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))


def test_an_order_that_is_hidden_is_no_tombstone_and_is_not_looked_for_for_ever(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    sandbox.change([{"op": "hide_order", "index": 4}])
    # It might come from sales while counting.
    assert "reading did not show why" not in sync("orders").run.attention
    run = sync("orders").run
    assert "reading did not show why" in run.attention
    assert run.requests <= IDLE
    run = sync("orders").run
    assert run.attention == ""
    assert run.requests <= IDLE
    assert Order.objects.filter(gone_at__isnull=False).count() == 0
    sandbox.change([{"op": "show_order", "index": 4}])
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_an_order_of_another_store_is_left_there_and_not_looked_for_for_ever(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    moved = Order.objects.order_by("created_at")[3].pk
    Order.objects.filter(pk=moved).update(store=Store.objects.create(id="shp_other"))
    sync("orders")
    run = sync("orders").run
    assert "reading did not show why" in run.attention
    assert run.requests <= IDLE
    assert Order.objects.get(pk=moved).store_id == "shp_other"
    assert sync("orders").run.attention == ""
