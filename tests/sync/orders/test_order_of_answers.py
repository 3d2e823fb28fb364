"""Answers that overtake each other: the newer state wins; what nobody can tell is asked again."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.models import Order, OrderItem, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.writing import (
    Detailed,
    mark_dirty,
    write_details,
)
from pandabase_django.services.sync.orders.summaries import write_summaries
from pandabase_django.services.tokens.clients import client_for
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences
from tests.sync.misbehaviour import PassTime
from tests.sync.world import World, seeds

pytestmark = pytest.mark.thorough

SEEDS = seeds("PANDABASE_SOAK_SEEDS", 6)


def write(order: schemas.Order, *, mark: int, asked_at: datetime | None = None) -> Any:
    detail = Detailed(order=order, mark=mark, asked_at=asked_at)
    with transaction.atomic():
        return write_details([detail], store_id=Store.objects.get().pk, silent=True)


@pytest.mark.parametrize("world", SEEDS, indirect=True)
@pytest.mark.fact(21)
def test_list_and_detail_answers_in_any_order_end_in_the_newest_state(world: World) -> None:
    dice = world.dice
    if dice.random() < 0.7:
        world.first_sync("orders")
    waiting: list[tuple[str, Any, int]] = []
    newest: datetime | None = None
    with client_for(world.store) as client:
        for version in range(1, 7):
            fields = {"amount": version, "status": dice.choice(["COMPLETED", "REFUNDED"])}
            (pk,) = world.sandbox.change([{"op": "edit_order", "index": 3, "fields": fields}])
            for _ in range(dice.randint(1, 2)):
                mark = Order.objects.filter(pk=pk).values_list("dirty_mark", flat=True).first()
                page = client.orders.rows.list(page=1, sort="asc")
                (item,) = [item for item in page.items if item.id == pk]
                # Nobody asks for the details of an order that does not stand here.
                waiting.append(("list", item, 0))
                if mark is not None:
                    waiting.append(("detail", client.orders.get(pk), mark))
            dice.shuffle(waiting)
            while waiting and dice.random() < 0.6:
                kind, answer, mark = waiting.pop()
                with transaction.atomic():
                    if kind == "list":
                        now = timezone.now()
                        write_summaries([answer], store_id=world.store.pk, now=now, dry_run=False)
                    else:
                        write_details(
                            [Detailed(order=answer, mark=mark)],
                            store_id=world.store.pk,
                            silent=True,
                        )
                stands = Order.objects.get(pk=pk).updated_at
                assert newest is None or (stands is not None and stands >= newest)
                newest = stands
    world.sync("orders")
    world.sync("orders")
    assert world.differences("orders") == []


@pytest.mark.django_db(transaction=True)
def test_an_answer_older_than_the_row_leaves_the_order_due(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1}}])
    with client_for(Store.objects.get()) as client:
        old = client.orders.get(pk)
        time.sleep(0.005)  # the remote's times have milliseconds
        sandbox.change([{"op": "edit_order", "id": pk, "fields": {"amount": 2}}])
        sync("orders", full=True)
        mark_dirty(Order.objects.filter(pk=pk))  # a list has shown a third state
    mark = Order.objects.get(pk=pk).dirty_mark
    outcome = write(old, mark=mark)
    order = Order.objects.get(pk=pk)
    assert (order.amount_minor, order.dirty) == (2, True)
    assert outcome.warnings == [f"{pk}: an answer was older than the row here."]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("updated_at", ["the same", None])
@pytest.mark.fact(21)
def test_two_answers_of_one_time_that_differ_are_asked_for_again(
    sandbox: Sandbox, sync: Sync, updated_at: str | None
) -> None:
    sync("orders")
    fields = {} if updated_at else {"updatedAt": None}
    (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1, **fields}}])
    with client_for(Store.objects.get()) as client:
        asked_at = timezone.now()
        slow = client.orders.get(pk)
        sandbox.change([{"op": "edit_order", "id": pk, "fields": {"amount": 2}, "touch": False}])
        mark_dirty(Order.objects.filter(pk=pk))
        mark = Order.objects.get(pk=pk).dirty_mark
        write(client.orders.get(pk), mark=mark, asked_at=timezone.now())
        write(slow, mark=mark, asked_at=asked_at)
    order = Order.objects.get(pk=pk)
    assert (order.amount_minor, order.dirty) == (2, True)
    sync("orders")
    order.refresh_from_db()
    assert (order.amount_minor, order.dirty) == (2, False)


def stands(pk: str) -> tuple[int | None, bool]:
    return Order.objects.values_list("amount_minor", "dirty").get(pk=pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("order", "counts"),
    [("older newer", 2), ("newer older", 2), ("newer undated", 3), ("undated newer", 2)],
)
def test_of_two_answers_that_are_written_together_the_newer_or_else_the_last_one_counts(
    sandbox: Sandbox, sync: Sync, order: str, counts: int
) -> None:
    sync("orders")
    with client_for(Store.objects.get()) as client:
        answers = {}
        for name in ("older", "newer", "undated"):
            fields: dict[str, Any] = {"amount": len(answers) + 1}
            if name == "undated":
                fields["updatedAt"] = None
            (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": fields}])
            answers[name] = client.orders.get(pk)
            time.sleep(0.005)  # the remote's times have milliseconds
    mark = Order.objects.get(pk=pk).dirty_mark
    details = [Detailed(order=answers[name], mark=mark) for name in order.split()]
    with transaction.atomic():
        written = write_details(details, store_id=Store.objects.get().pk, silent=True)
    assert written.warnings == []
    assert stands(pk) == (counts, False)


@pytest.mark.django_db(transaction=True)
def test_a_time_in_the_far_future_holds_later_answers_up_for_an_hour(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    wrong = {"amount": 5, "updatedAt": "2199-01-01T00:00:00.000Z"}
    (pk,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": wrong}])
    sync("orders")
    assert stands(pk) == (5, False)
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"amount": 6}}])
    for _ in range(2):
        run = sync("orders").run
        assert (run.state, stands(pk)) == ("PARTIAL", (5, True))
        assert run.warnings == [f"{pk}: an answer was older than the row here."]
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Order.objects.filter(pk=pk).update(detailed_at=an_hour_ago)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_lay_about_for_hours_is_not_believed(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1}}])
    with client_for(Store.objects.get()) as client:
        old = client.orders.get(pk)
    time.sleep(0.005)
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"amount": 2}}])
    sync("orders", full=True)
    now = timezone.now()
    Order.objects.filter(pk=pk).update(detailed_at=now - timedelta(hours=2))
    mark = Order.objects.get(pk=pk).dirty_mark
    write(old, mark=mark, asked_at=now - timedelta(hours=2, seconds=1))
    assert stands(pk) == (2, False)


def answer_as_before(sandbox: Sandbox, pk: str, order: dict[str, Any], *, times: int) -> None:
    """A cache answers for the order's own GET: it is one state behind."""
    old = {"data.amount": order["amount"], "data.updatedAt": order["updatedAt"]}
    rule = {"match": {"path_regex": f"/orders/{pk}$"}, "times": times, "action": "edit_body"}
    sandbox.fault([{**rule, "args": {"set": old}}])


@pytest.mark.django_db(transaction=True)
def test_details_that_stand_behind_their_list_are_read_again_by_the_next_run(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    before = sandbox.dump("orders")[-1]
    (pk,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 3}}])
    assert pk == before["id"]
    answer_as_before(sandbox, pk, before, times=1)
    run = sync("orders").run
    assert (run.state, stands(pk)) == ("PARTIAL", (before["amount"], True))
    assert f"{pk}: an answer was as before, though a list" in run.warnings[0]
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.django_db(transaction=True)
def test_a_list_and_details_that_never_agree_are_left_at_that(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    change = {"op": "edit_order", "index": -1, "touch": False, "list_fields": {"amount": 3}}
    (pk,) = sandbox.change([change])
    for _ in range(2):
        assert sync("orders").run.state == "PARTIAL"
    pass_time(sandbox, 600)  # no replica is so late
    for _ in range(2):
        assert sync("orders").run.state == "COMPLETED"
    assert stands(pk)[1] is False
    # Of the others nothing is noted.
    noted = Order.objects.filter(list_row__isnull=False)
    assert set(noted.values_list("pk", flat=True)) == {pk}


@pytest.mark.django_db(transaction=True)
def test_an_order_that_changes_between_list_and_details_is_not_doubted(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "edit_order", "index": -1, "fields": {"amount": 3}}])
    later = [{"op": "edit_order", "id": pk, "fields": {"amount": 4}}]
    match = {"path_regex": f"/orders/{pk}$"}
    sandbox.fault([{"match": match, "action": "none", "changes": later}])
    assert sync("orders").run.state == "COMPLETED"
    assert stands(pk) == (4, False)


@pytest.mark.django_db(transaction=True)
def test_a_clock_of_the_remote_that_is_off_by_hours_harms_nothing(
    sandbox: Sandbox, sync: Sync
) -> None:
    now_ms = int(timezone.now().timestamp() * 1000)
    for hours in (-30, 30):
        sandbox.set_clock(now_ms + int(timedelta(hours=hours).total_seconds() * 1000))
        sandbox.change(
            [
                {"op": "create_order", "count": 2},
                {"op": "refund_order", "index": 40 + hours},
                {"op": "edit_product", "index": 40 + hours, "fields": {"price": 9}},
            ]
        )
        for resource in ("products", "orders"):
            assert sync(resource).run.state == "COMPLETED"
        assert order_differences(sandbox) == []
        sandbox.set_clock(None)


@pytest.mark.django_db(transaction=True)
def test_an_answer_without_its_line_items_buries_none(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    before = OrderItem.objects.count()
    (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 5}}])
    match = {"method": "GET", "path_regex": f"/orders/{pk}$"}
    edit = {"set": {"data.items": None}}
    sandbox.fault([{"match": match, "times": 1, "action": "edit_body", "args": edit}])
    sync("orders", full=True)
    assert OrderItem.objects.filter(gone_at__isnull=True).count() == before
