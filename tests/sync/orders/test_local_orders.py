"""An order's row: what an answer is compared with, what asks for it again, what is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pandabase_django.api import schemas
from pandabase_django.models import Order, Store
from pandabase_django.services.sync.due.causes import Cause, Shown
from pandabase_django.services.sync.due.marks import mark_contradicted, mark_dirty, mark_listed
from pandabase_django.services.sync.orders.details.fetching import (
    oldest_details,
    orders_due,
    orders_unread,
    wanted_in_pages,
)
from pandabase_django.services.sync.orders.details.local_orders import forget_causes, lock_orders

pytestmark = pytest.mark.django_db

OURS, THEIRS = "shp_ours", "shp_theirs"
NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _stores() -> None:
    for pk in (OURS, THEIRS):
        Store.objects.create(pk=pk)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def order(pk: str = "ord_1", **columns: Any) -> Order:
    """An order that was read whole long ago."""
    usual: dict[str, Any] = {
        "store_id": OURS,
        "status": "COMPLETED",
        "payload": {"amount": 3},
        "first_seen_at": ago(99),
        "synced_at": ago(99),
        "detailed_at": ago(99),
        "updated_at": ago(99),
        "dirty": False,
        "dirty_mark": 0,
    }
    return Order.objects.create(pk=pk, **{**usual, **columns})


def shown(minutes: float, amount: int = 5, *, given_up: bool = False) -> Shown:
    return Shown(order={"amount": amount}, at=ago(minutes), given_up=given_up)


LISTED, TOLD = shown(5), Cause(seen_at=ago(5))


def test_an_order_is_compared_only_where_something_is_to_be_compared() -> None:
    new = {"detailed_at": None, "first_seen_at": ago(9)}
    rows: dict[str, tuple[dict[str, Any], Shown | None, Mapping[str, Any]]] = {
        "whole": ({}, None, {}),
        "whole and recent": ({"first_seen_at": ago(9)}, None, {}),
        "listed": ({"list_row": LISTED.to_json()}, LISTED, {"amount": 3}),
        "told": ({"due_cause": TOLD.to_json()}, None, {"amount": 3}),
        "new": (new, Shown(order={"amount": 3}, at=ago(9)), {}),
        "new and listed": ({**new, "list_row": LISTED.to_json()}, LISTED, {}),
        "not new": ({**new, "first_seen_at": ago(10)}, None, {}),
    }
    for pk, (columns, _, _) in rows.items():
        order(pk, **columns)
    order("not asked for")
    order("theirs", store_id=THEIRS)
    asked_at = dict.fromkeys([*rows, "theirs", "nobody's"], NOW)
    found = lock_orders(asked_at, store_id=OURS)
    assert {pk: (row.shown, row.payload) for pk, row in found.items()} == {
        pk: (shown, payload) for pk, (_, shown, payload) in rows.items()
    }
    assert {pk for pk, row in found.items() if row.cause} == {"told"}


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (shown(10), None),
        (shown(9), shown(9)),
        (shown(9, 7), shown(9, 7, given_up=True)),
        (shown(99, 7, given_up=True), shown(99, 7, given_up=True)),
        (shown(9, given_up=True), None),
    ],
)
def test_a_list_row_is_forgotten_once_no_answer_can_be_behind_it(
    kept: Shown, left: Shown | None
) -> None:
    believe(order(list_row=kept.to_json()))
    assert Shown.from_json(Order.objects.get(pk="ord_1").list_row) == left


@pytest.mark.parametrize(
    ("minutes", "due_for", "stays"), [(10, None, False), (9, None, True), (9, 60, False)]
)
def test_a_cause_is_forgotten_once_no_answer_can_be_behind_it(
    minutes: int, due_for: int | None, stays: bool
) -> None:
    kept = Cause(seen_at=ago(minutes)).to_json()
    believe(order(due_cause=kept, due_since=due_for and ago(due_for)))
    assert Order.objects.get(pk="ord_1").due_cause == (kept if stays else None)


def believe(row: Order) -> None:
    """An answer is believed; of other orders, and of one that is not here, nothing changes."""
    kept: dict[str, Any] = {
        "list_row": shown(99, 7).to_json(),
        "due_cause": Cause(seen_at=ago(99)).to_json(),
    }
    order("ord_2", **kept)
    order("ord_3", store_id=THEIRS, **kept)
    answers = [
        schemas.Order.from_json({"id": pk, "amount": 5, "updatedAt": ago(99).isoformat()})
        for pk in (row.pk, "ord_3", "ord_4")
    ]
    asked_at = {answer.id: NOW for answer in answers}
    known = lock_orders(asked_at, store_id=OURS)
    forget_causes(answers, known, asked_at, store_id=OURS, now=NOW)
    others = Order.objects.exclude(pk=row.pk).values("list_row", "due_cause")
    assert list(others) == [kept, kept]


def test_a_mark_grows_and_keeps_the_cause_that_says_more() -> None:
    order(due_cause=None, unread_at=ago(3))
    order("ord_2")
    ours = Order.objects.filter(pk="ord_1")
    dated = Cause(seen_at=ago(5), since=ago(30))
    later = replace(dated, since=ago(29))
    since = set()
    for mark, (cause, kept) in enumerate(
        [(dated, dated), (Cause(seen_at=ago(4)), dated), (later, later), (dated, later)], start=1
    ):
        assert mark_dirty(ours, causes={"ord_1": cause, "ord_2": cause}) == 1
        row = ours.get()
        assert (row.dirty, row.dirty_mark, row.unread_at) == (True, mark, None)
        assert Cause.from_json(row.due_cause) == kept
        since.add(row.due_since)
    assert len(since) == 1
    assert mark_dirty(ours) == 1
    assert Cause.from_json(ours.get().due_cause) == later
    other = Order.objects.filter(pk="ord_2")
    assert other.values_list("dirty", "dirty_mark", "due_cause").get() == (False, 0, None)
    assert mark_dirty(Order.objects.all(), causes={"ord_1": later}) == 2
    assert other.values_list("dirty", "dirty_mark", "due_cause").get() == (True, 1, None)


def test_orders_are_due_unread_or_come_round_by_the_age_of_their_details() -> None:
    order("due", dirty=True)
    order("unread early", dirty=True, unread_at=ago(9))
    order("unread late", dirty=True, unread_at=ago(3))
    order("unread once", unread_at=ago(9))
    order("gone", gone_at=ago(9))
    order("never read", detailed_at=None)
    for pk, store_id in (("their due", THEIRS), ("their unread", THEIRS)):
        order(pk, store_id=store_id, dirty=True, unread_at=ago(9) if "unread" in pk else None)
    order("theirs", store_id=THEIRS)
    for pk, minutes in (("b", 50), ("a", 50), ("c", 50), ("younger", 40)):
        order(pk, detailed_at=ago(minutes))

    def ids(rows: Any) -> set[str]:
        return {row.pk for row in rows}

    assert ids(orders_due(OURS)) == {"due"}
    assert ids(orders_unread(OURS)) == {"unread early", "unread late"}
    assert ids(orders_unread(OURS, before=ago(3))) == {"unread early"}
    places = [pk for pk, _, _ in oldest_details(OURS)]
    assert places == ["unread once", "a", "b", "c", "younger"]
    assert [pk for pk, _, _ in oldest_details(OURS, after=(ago(50), "b"))] == ["c", "younger"]
    for size in (1, 2, 4, 5):
        found = wanted_in_pages(Order.objects.filter(pk__in=["a", "b", "c", "younger"]), size=size)
        assert list(found) == [("a", 0), ("b", 0), ("c", 0), ("younger", 0)]


def listed(pk: str) -> schemas.OrderRow:
    return schemas.OrderRow.from_json({"id": pk, "status": "REFUNDED"})


def test_a_list_marks_the_orders_of_its_store_that_it_shows() -> None:
    order()
    order("ord_2")
    order("ord_3", store_id=THEIRS)
    row = listed("ord_1")
    mark_listed([row, listed("ord_3")], store_id=OURS, now=NOW)
    assert set(Order.objects.filter(dirty=True).values_list("pk", flat=True)) == {"ord_1"}
    marked = Order.objects.get(pk="ord_1")
    assert (marked.list_digest, marked.due_since) == (row.digests, NOW)
    assert Shown.from_json(marked.list_row) == Shown(order=row.payload, at=NOW)
    unmarked = Order.objects.exclude(pk="ord_1").values_list("dirty_mark", "list_row")
    assert set(unmarked) == {(0, None)}


def test_a_contradiction_marks_what_does_not_wait_for_its_first_attempt() -> None:
    earlier = Shown(order={"amount": 7}, at=ago(5))
    order("settled")
    order("settled and shown", list_row=earlier.to_json())
    order("waits", dirty=True)
    order("was not read", dirty=True, unread_at=ago(5))
    order("not listed")
    order("theirs", store_id=THEIRS)
    names = ["settled", "settled and shown", "waits", "was not read", "theirs"]
    mark_contradicted([listed(pk) for pk in names], store_id=OURS, now=NOW)
    marked = Order.objects.filter(dirty_mark=1, dirty=True, unread_at=None)
    now_shown = Shown(order=listed("settled").payload, at=NOW)
    assert {row.pk: Shown.from_json(row.list_row) for row in marked} == {
        "settled": now_shown,
        "settled and shown": earlier,
        "was not read": replace(now_shown, order=listed("was not read").payload),
    }
    assert Order.objects.filter(dirty_mark=0, list_row__isnull=True).count() == 3
