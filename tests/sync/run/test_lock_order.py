"""Orders are locked before customers, as a webhook does it; else the two wait for each other."""

from __future__ import annotations

import re
from itertools import dropwhile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pandabase_django.models import Customer, Order
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.writing import mark_dirty
from tests.sync.conftest import Sync

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("short_backoff")]

BEFORE = "of an earlier state"
WRITES_CUSTOMERS = re.compile(r'(INSERT INTO|UPDATE|COPY) "pandabase_customer"')
LOCKS_ORDERS = re.compile(
    r'UPDATE "pandabase_order"|FROM "pandabase_order" .* FOR (NO KEY )?UPDATE'
)


def test_what_could_not_be_read_is_noted_before_customers_are_written(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    named = Order.objects.filter(customer__isnull=False).order_by("-created_at")
    read, unreadable = named.values_list("pk", flat=True)[:2]
    forget_customers()
    Order.objects.filter(pk=read).update(digest=BEFORE)
    mark_dirty(Order.objects.filter(pk__in=[read, unreadable]))
    match = {"path_regex": f"/orders/{unreadable}$"}
    sandbox.fault([{"match": match, "times": 0, "action": "wrong_json"}])
    with CaptureQueriesContext(connection) as captured:
        sync("orders")
    assert Order.objects.get(pk=unreadable).unread_at is not None
    after = after_customers(captured)
    assert after
    assert [text for text in after if LOCKS_ORDERS.search(text)] == []


def test_what_a_page_shows_in_another_status_is_marked_before_customers_are_written(
    sandbox: Sandbox, sync: Sync
) -> None:
    (late,) = sandbox.change([{"op": "hide_order", "index": 3}])
    sync("orders")
    sandbox.change([{"op": "show_order", "index": 3}])
    completed = Order.objects.filter(status="COMPLETED").order_by("created_at")
    moved = list(completed.values_list("pk", flat=True)[:20])
    forget_customers()
    Order.objects.filter(pk__in=moved).update(status="PENDING", digest=BEFORE)
    with CaptureQueriesContext(connection) as captured:
        sync("orders")
    assert Order.objects.filter(pk=late).exists()
    assert not Order.objects.filter(pk__in=moved, status="PENDING").exists()
    after = after_customers(captured)
    assert after
    assert [text for text in after if LOCKS_ORDERS.search(text)] == []


def forget_customers() -> None:
    """Each order that is written brings its customer, as if nobody knew him."""
    Order.objects.update(customer=None)
    Customer.objects.update(email=BEFORE)


def after_customers(captured: CaptureQueriesContext) -> list[str]:
    """What each transaction that wrote customers sent from then on."""
    transactions: list[list[str]] = [[]]
    for query in captured:
        transactions[-1].append(query["sql"])
        if query["sql"] in {"COMMIT", "ROLLBACK"}:
            transactions.append([])
    return [
        text
        for sent in transactions
        for text in dropwhile(lambda text: not WRITES_CUSTOMERS.search(text), sent)
    ]
