"""A customer's e-mail is what the newest order says, whoever wrote it last."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from pandabase_django.models import Customer, Order, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.orders.details.writing import (
    Detailed,
    mark_dirty,
    write_details,
)
from pandabase_django.services.sync.refresh import fetch_order, refresh_row
from pandabase_django.services.tokens.clients import client_for
from tests.sync.beside import beside
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = pytest.mark.django_db(transaction=True)

needs_postgres = [
    pytest.mark.postgres,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer"),
]


def email_of(customer_id: str) -> str:
    return Customer.objects.values_list("email", flat=True).get(pk=customer_id)


def order_of(customer_id: str, *, email: str, **fields: Any) -> dict[str, Any]:
    """A new order that names this customer."""
    named = {"customer.id": customer_id, "customer.email": email}
    return {"op": "create_order", "fields": {**named, **fields}}


def writes_customers(sql: str) -> bool:
    return sql.startswith('INSERT INTO "pandabase_customer"')


def newest_named() -> tuple[str, str]:
    """The newest order that names a customer, and the customer."""
    named = Order.objects.filter(customer__isnull=False).order_by("-created_at")
    return named.values_list("pk", "customer_id")[0]


def details(store: Store, pk: str) -> Detailed:
    mark = Order.objects.filter(pk=pk).values_list("dirty_mark", flat=True).first() or 0
    with client_for(store) as client:
        return Detailed(order=client.orders.get(pk), mark=mark)


def write(store: Store, *answers: Detailed) -> None:
    with transaction.atomic():
        write_details(answers, store_id=store.pk, silent=True)


def edit(sandbox: Sandbox, pk: str, email: str) -> None:
    index = [row["id"] for row in sandbox.dump("orders")].index(pk)
    sandbox.change([{"op": "edit_order", "index": index, "fields": {"customer.email": email}}])


class TestTwoWriters:
    """Of a customer, at one time."""

    pytestmark = needs_postgres

    def test_a_delivery_between_a_runs_look_and_its_write_is_not_undone(
        self, sandbox: Sandbox, sync: Sync, store: Store
    ) -> None:
        sync("orders")
        pk, customer_id = newest_named()
        edit(sandbox, pk, "older@example.com")

        def deliver() -> None:
            (new,) = sandbox.change([order_of(customer_id, email="newest@example.com")])
            fetch_order(store, new)

        with beside(writes_customers, deliver):
            sync("orders")
        assert email_of(customer_id) == "newest@example.com"
        assert order_differences(sandbox) == []

    def test_an_order_that_changes_nothing_of_its_customer_is_not_overlooked(
        self, sandbox: Sandbox, sync: Sync, store: Store
    ) -> None:
        sync("orders")
        _, customer_id = newest_named()
        before = email_of(customer_id)
        (older,) = sandbox.change([order_of(customer_id, email="between@example.com")])
        (newest,) = sandbox.change([order_of(customer_id, email=before)])
        fetched = partial(fetch_order, store, older)

        def reads_orders_of_customers(sql: str) -> bool:
            return "ROW_NUMBER" in sql or "MAX(" in sql

        def deliver() -> None:
            # The other one asks for the newest order, and sees none of this one.
            with beside(reads_orders_of_customers, partial(fetch_order, store, newest), after=True):
                fetched()

        deliver()
        assert email_of(customer_id) == before
        assert order_differences(sandbox) == []

    def test_two_that_bring_the_same_new_customer_agree(
        self, sandbox: Sandbox, sync: Sync, store: Store
    ) -> None:
        sync("orders")
        (older,) = sandbox.change([order_of("cus_new", email="older@example.com")])
        (newest,) = sandbox.change([order_of("cus_new", email="newest@example.com")])
        looks = {"n": 0}

        def after_the_first_look(sql: str) -> bool:
            looks["n"] += '"pandabase_customer"' in sql and sql.startswith("SELECT")
            return looks["n"] == 1

        with beside(after_the_first_look, partial(fetch_order, store, newest), after=True):
            fetch_order(store, older)
        assert email_of("cus_new") == "newest@example.com"
        assert order_differences(sandbox) == []

    def test_two_batches_of_the_same_customers_do_not_wait_for_each_other(
        self, sandbox: Sandbox, sync: Sync, store: Store
    ) -> None:
        sync("orders")
        named = Order.objects.filter(customer__isnull=False).order_by("customer_id", "created_at")
        pks = list(named.distinct("customer_id").values_list("pk", flat=True)[:40])
        halves = pks[:20], pks[20:]
        customers = [
            list(Order.objects.filter(pk__in=half).values_list("customer_id", flat=True))
            for half in halves
        ]
        # Each half names the customers of the other, too, in the other order.
        for half, others in zip(halves, reversed(customers), strict=True):
            for pk, customer_id in zip(half, reversed(others), strict=True):
                index = [row["id"] for row in sandbox.dump("orders")].index(pk)
                fields = {"customer.id": customer_id, "customer.email": f"{pk}@example.com"}
                sandbox.change([{"op": "edit_order", "index": index, "fields": fields}])
        one, other = ([details(store, pk) for pk in half] for half in halves)
        with beside(
            lambda sql: "pandabase_customer" in sql, partial(write, store, *one), after=True
        ):
            write(store, *other)
        mark_dirty(Order.objects.all())
        sync("orders")
        assert order_differences(sandbox) == []


@pytest.mark.parametrize("spoilt", ["email", "row", "all"])
def test_a_full_pass_repairs_what_stands_here(sandbox: Sandbox, sync: Sync, spoilt: str) -> None:
    sync("orders")
    _, customer_id = newest_named()
    row = Customer.objects.filter(pk=customer_id)
    if spoilt == "email":
        row.update(email="lost@example.com")
    elif spoilt == "row":
        row.update(email="lost@example.com", digest="of another", payload={"email": "x"})
    else:
        Customer.objects.all().delete()
    assert sync("orders", full=True).run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_a_poll_repairs_what_its_pages_show(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    Customer.objects.update(email="lost@example.com")
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("spoilt", ["email", "row"])
def test_reading_one_order_again_repairs_its_customer(
    sandbox: Sandbox, sync: Sync, spoilt: str
) -> None:
    sync("orders")
    pk, customer_id = newest_named()
    row = Customer.objects.filter(pk=customer_id)
    if spoilt == "email":
        row.update(email="lost@example.com")
    else:
        row.delete()
    refresh_row("order", pk)
    assert order_differences(sandbox) == []


def test_an_order_that_goes_to_another_customer_leaves_the_older_address(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    _, customer_id = newest_named()
    before = email_of(customer_id)
    (new,) = sandbox.change([order_of(customer_id, email="newest@example.com")])
    sync("orders")
    assert email_of(customer_id) == "newest@example.com"
    index = [row["id"] for row in sandbox.dump("orders")].index(new)
    fields = {"customer.id": "cus_other", "customer.email": "other@example.com"}
    sandbox.change([{"op": "edit_order", "index": index, "fields": fields}])
    fetch_order(store, new)
    assert email_of(customer_id) == before
    assert email_of("cus_other") == "other@example.com"
    assert order_differences(sandbox) == []


def test_an_address_of_an_order_that_is_gone_no_longer_counts(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    _, customer_id = newest_named()
    before = email_of(customer_id)
    (new,) = sandbox.change([order_of(customer_id, email="newest@example.com")])
    sync("orders")
    assert email_of(customer_id) == "newest@example.com"
    Order.objects.filter(pk=new).update(gone_at="2026-01-01T00:00:00Z")
    index = [row["id"] for row in sandbox.dump("orders")].index(new)
    sandbox.change([{"op": "remove_order", "index": index}])
    sync("orders", full=True)
    assert email_of(customer_id) == before


def test_of_two_orders_of_one_moment_the_greater_id_counts_in_any_order_of_reading(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    at = "2026-11-20T10:00:00.000Z"
    new = sandbox.change(
        [order_of("cus_twice", email=f"{n}@example.com", createdAt=at, number=n) for n in range(6)]
    )
    said = {row["id"]: row["customer"] for row in sandbox.dump("orders") if row["id"] in new}
    for pk in (*new, *reversed(new)):
        fetch_order(store, pk)
    assert email_of("cus_twice") == said[max(new)]["email"]
    for _ in range(2):
        sync("orders", full=True)
        assert order_differences(sandbox) == []


def test_what_older_orders_say_costs_no_write_and_no_query_for_each(
    sandbox: Sandbox, sync: Sync
) -> None:
    """Every customer has another address in his newest order than in those before."""
    sync("orders")
    named = Order.objects.filter(customer__isnull=False).order_by("created_at", "pk")
    newest = dict(named.values_list("customer_id", "pk"))
    ids = [row["id"] for row in sandbox.dump("orders")]
    with CaptureQueriesContext(connection) as before:
        sync("orders", full=True)
    sandbox.change(
        [
            {
                "op": "edit_order",
                "index": ids.index(pk),
                "fields": {"customer.email": f"{pk}@example.com"},
            }
            for pk in newest.values()
        ]
    )
    sync("orders", full=True)
    assert order_differences(sandbox) == []
    with CaptureQueriesContext(connection) as captured:
        sync("orders", full=True)
    assert not any(writes_customers(query["sql"]) for query in captured)
    assert len(captured) <= len(before) + 30


def test_a_second_pass_locks_no_customer_and_asks_no_more(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    with CaptureQueriesContext(connection) as captured:
        sync("orders", full=True)
    of_customers = [q["sql"] for q in captured if 'FROM "pandabase_customer"' in q["sql"]]
    assert not any("FOR NO KEY UPDATE" in sql for sql in of_customers)
    assert len(of_customers) <= 1  # of the oldest details, which are read again


def test_an_audit_names_a_customer_that_stands_here_otherwise(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    pk, customer_id = newest_named()
    assert audit(store, resource="orders", full=True).differences == []
    Customer.objects.filter(pk=customer_id).update(email="lost@example.com")
    found = audit(store, resource="orders", full=True).differences
    assert {difference.what for difference in found} == {"differs"}
    assert pk in {difference.id for difference in found}
