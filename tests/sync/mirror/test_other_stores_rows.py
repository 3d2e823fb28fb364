"""A write names the store: ids that got mixed up touch no row of another one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone

import pandabase_django
from pandabase_django.api import schemas
from pandabase_django.models import Customer, Order, OrderItem, Product, Store
from pandabase_django.services.sync.mirror.children import write_children
from pandabase_django.services.sync.mirror.upsert import mark_gone
from pandabase_django.services.sync.orders.customers import settle_emails
from pandabase_django.services.sync.orders.details.writing import Detailed, write_details
from pandabase_django.services.sync.orders.summaries import write_summaries

pytestmark = pytest.mark.django_db

OURS, THEIRS = "shp_ours", "shp_theirs"
PACKAGE = Path(pandabase_django.__file__).parent


@pytest.fixture
def their_order() -> Order:
    """An order of the other store, due to be read, with a line item."""
    for pk in (OURS, THEIRS):
        Store.objects.create(pk=pk)
    now = timezone.now()
    seen: dict[str, Any] = {"store_id": THEIRS, "first_seen_at": now, "synced_at": now}
    order = Order.objects.create(pk="ord_1", dirty=True, dirty_mark=7, status="PENDING", **seen)
    OrderItem.objects.create(pk="itm_1", order=order, **seen)
    Product.objects.create(pk="prd_1", **seen)
    return order


def everything() -> list[dict[str, Any]]:
    models: list[type[Model]] = [Order, OrderItem, Product]
    return [row for model in models for row in model._default_manager.order_by("pk").values()]


def answer(**fields: Any) -> schemas.Order:
    return schemas.Order.from_json({"id": "ord_1", "status": "COMPLETED", "items": [], **fields})


def test_no_row_of_another_store_is_marked_as_gone(their_order: Order) -> None:
    before, now = everything(), timezone.now()
    for model, pk in ((Order, "ord_1"), (OrderItem, "itm_1"), (Product, "prd_1")):
        assert mark_gone(model, ids=[pk], store_id=OURS, now=now).gone == 0
    assert everything() == before
    assert mark_gone(Order, ids=["ord_1"], store_id=THEIRS, now=now).gone == 1


def test_children_of_another_stores_parent_stay(their_order: Order) -> None:
    before, now = everything(), timezone.now()
    listed: dict[str, list[OrderItem]] = {"ord_1": []}
    write_children(OrderItem, parent="order_id", listed=listed, store_id=OURS, now=now)
    assert everything() == before


def test_details_of_another_stores_order_change_nothing_of_it(their_order: Order) -> None:
    Order.objects.update(digest=answer().digest)
    before = everything()
    written = write_details([Detailed(answer(), mark=7)], store_id=OURS, silent=True)
    assert written.changes == []
    assert everything() == before


def test_a_list_that_shows_another_stores_order_marks_nothing(their_order: Order) -> None:
    before = everything()
    row = schemas.OrderRow.from_json({"id": "ord_1", "status": "COMPLETED"})
    noted = write_summaries([row], store_id=OURS, now=timezone.now(), dry_run=False)
    assert "another store" in noted.left_out["ord_1"]
    assert everything() == before


def test_a_list_that_shows_another_stores_customer_changes_no_address(their_order: Order) -> None:
    now = timezone.now()
    seen: dict[str, Any] = {"store_id": THEIRS, "first_seen_at": now, "synced_at": now}
    customer = Customer.objects.create(pk="cus_1", email="theirs@example.com", **seen)
    settle_emails({"cus_1": "listed@example.com"}, store_id=OURS, now=now)
    customer.refresh_from_db()
    assert customer.email == "theirs@example.com"
    settle_emails({"cus_1": "listed@example.com"}, store_id=THEIRS, now=now)
    customer.refresh_from_db()
    assert customer.email == "listed@example.com"


def test_no_query_keeps_a_cursor_of_the_server_open() -> None:
    """``iterator()`` outside a transaction opens one that a pooler gives to somebody else."""
    found = [
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if re.search(r"\.a?iterator\(", file.read_text())
    ]
    assert found == []
