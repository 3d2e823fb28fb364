from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from pandabase_django.models import Customer, Order, Store, SyncCursor
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.bulk import insert_missing, insert_new, insert_or_update

AWKWARD = (
    "",
    "\\N",
    "tab\tnew line\nreturn\r",
    'back\\slash \\t "quoted" \\.',
    "ünïcode \N{SNOWMAN} \N{GRINNING FACE}",
)


def _order(pk: str, **values: Any) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    return {"id": pk, "store_id": "shp_a", "first_seen_at": now, "synced_at": now, **values}


@pytest.fixture
def shops(db: None) -> None:
    for pk in ("shp_a", "shp_b"):
        Store.objects.create(pk=pk)


@pytest.mark.usefixtures("shops")
@pytest.mark.parametrize("text", AWKWARD)
def test_a_row_reads_back_as_it_was_given(text: str) -> None:
    now = datetime.now(timezone.utc)
    given = _order(
        "ord_1",
        order_number=text,
        payload={"text": text, "none": None, "float": 0.1, "list": [1, True], "large": 2**70},
        amount_minor=-(2**63) + 1,
        customer_id=None,
        created_at=now,
        updated_at=None,
    )
    insert_new(Order, [given])
    row = Order.objects.get()
    assert {name: getattr(row, name) for name in given} == given


@pytest.mark.usefixtures("shops")
def test_each_row_keeps_its_own_times() -> None:
    noon = datetime(2026, 3, 16, 12, tzinfo=timezone.utc)
    times = [noon, noon, None, noon + timedelta(microseconds=1), noon]
    insert_new(Order, [_order(f"ord_{i}", created_at=at) for i, at in enumerate(times)])
    assert list(Order.objects.order_by("pk").values_list("created_at", flat=True)) == times


@pytest.mark.usefixtures("shops")
def test_what_is_not_given_takes_the_models_default() -> None:
    insert_new(Order, [_order("ord_1"), _order("ord_2")])
    expected = Order(**_order("ord_1"))
    for row in Order.objects.all():
        for field in Order._meta.concrete_fields:
            if field.name not in ("id", "first_seen_at", "synced_at"):
                assert getattr(row, field.attname) == getattr(expected, field.attname), field


@pytest.mark.usefixtures("shops")
@pytest.mark.parametrize("store_id", ["shp_a", "shp_b"])
def test_a_row_that_is_there_stays_and_the_others_are_inserted(store_id: str) -> None:
    assert insert_new(Customer, [_order("cus_1", email="old@example.com")]) == set()
    again = [
        _order(pk, email="new@example.com", store_id=store_id) for pk in ("cus_2", "cus_1", "cus_0")
    ]
    assert insert_new(Customer, again) == {"cus_1"}
    assert insert_missing(Customer, [Customer(**row) for row in again]) == {
        "cus_0",
        "cus_1",
        "cus_2",
    }
    found = Customer.objects.order_by("pk").values_list("pk", "store_id", "email")
    assert list(found) == [
        ("cus_0", store_id, "new@example.com"),
        ("cus_1", "shp_a", "old@example.com"),
        ("cus_2", store_id, "new@example.com"),
    ]


@pytest.mark.usefixtures("shops")
def test_a_row_that_fits_no_column_is_an_error_of_its_own() -> None:
    rows = [{**_order(pk), "email": None} for pk in ("cus_0", "cus_1")]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_new(Customer, rows)
    assert not Customer.objects.exists()


@pytest.mark.usefixtures("shops")
def test_no_rows_are_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        insert_new(Order, [])


@pytest.mark.usefixtures("shops")
def test_rows_are_looked_up_among_ids(django_assert_num_queries: Any) -> None:
    insert_new(Order, [_order(f"ord_{n}") for n in range(5)])
    ids = ["ord_1", "ord_3", "ord_9", 'it\'s \\ {a,b} "quoted"']
    found = Order.objects.filter(Among(F("pk"), ids)).values_list("pk", flat=True)
    assert set(found) == {"ord_1", "ord_3"}
    none = Order.objects.filter(Among(F("pk"), []))
    with django_assert_num_queries(0):
        assert not none.exists()
        assert none.update(dirty=False) == 0
    assert Order.objects.exclude(Among(F("pk"), [])).count() == 5
    left = Order.objects.exclude(Among(F("pk"), ids)).values_list("pk", flat=True)
    assert set(left) == {"ord_0", "ord_2", "ord_4"}


@pytest.mark.usefixtures("shops")
def test_rows_are_looked_up_among_numbers() -> None:
    cursors = [
        SyncCursor.objects.create(store_id="shp_a", resource=name)
        for name in ("orders", "products")
    ]
    found = SyncCursor.objects.filter(Among(F("pk"), [cursors[1].pk, 2**40]))
    assert list(found) == [cursors[1]]


@pytest.mark.usefixtures("shops")
@pytest.mark.parametrize("text", AWKWARD)
def test_an_update_reads_back_as_it_was_given_and_keeps_the_rest(text: str) -> None:
    now = datetime.now(timezone.utc)
    insert_new(Order, [_order("ord_1", status="OLD", list_digest="kept", dirty_mark=7)])
    values = {
        "order_number": text,
        "payload": {"text": text, "none": None, "float": 0.1, "list": [1, True]},
        "amount_minor": 2**63 - 1,
        "status": "NEW",
        "created_at": now,
        "dirty": False,
    }
    rows = [Order(**_order(pk, list_digest="new", **values)) for pk in ("ord_1", "ord_2")]
    insert_or_update(Order, rows, update_fields=list(values))
    kept, new = Order.objects.order_by("pk")
    assert {name: getattr(kept, name) for name in values} == values
    assert {name: getattr(new, name) for name in values} == values
    assert (kept.list_digest, kept.dirty_mark) == ("kept", 7)
    assert (new.list_digest, new.dirty_mark) == ("new", 1)


@pytest.mark.usefixtures("shops")
def test_an_update_moves_no_row_into_another_store() -> None:
    insert_new(Order, [_order("ord_1", status="OLD")])
    rows = [Order(**{**_order(pk, status="NEW"), "store_id": "shp_b"}) for pk in ("ord_0", "ord_1")]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_or_update(Order, rows, update_fields=["status"])
    (row,) = Order.objects.all()
    assert (row.pk, row.store_id, row.status) == ("ord_1", "shp_a", "OLD")
