"""A row that the database refuses is left out and named; the others are written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection

from pandabase_django.models import Order, Product, RequestLog, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.request_logs import is_read_in_part
from pandabase_django.services.sync.run import one_object
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = "refused"


@pytest.fixture
def refusing() -> Iterator[None]:
    """The database takes no order, product or entry of the request log of this id."""
    tables = [model._meta.db_table for model in (Order, Product, RequestLog)]
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"ALTER TABLE {table} ADD CONSTRAINT {table}_no CHECK (id <> '{REFUSED}')"
                )
                continue
            for when in ("INSERT", "UPDATE"):
                cursor.execute(
                    f"CREATE TRIGGER {table}_{when} BEFORE {when} ON {table}"
                    f" WHEN NEW.id = '{REFUSED}' AND NEW.payload LIKE '%poison%'"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
    yield
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_no")
                continue
            for when in ("INSERT", "UPDATE"):
                cursor.execute(f"DROP TRIGGER {table}_{when}")


@pytest.mark.parametrize("resource", ["orders", "products"])
def test_all_other_rows_of_a_list_are_written(
    sandbox: Sandbox, sync: Sync, refusing: None, resource: str
) -> None:
    kind = resource[:-1]
    fields = {"orderNumber" if kind == "order" else "title": "poison"}
    sandbox.change(
        [
            {"op": f"edit_{kind}", "index": 60, "fields": fields},
            {"op": f"rename_{kind}", "index": 60, "to": REFUSED},
        ]
    )
    for _ in range(2):
        run = sync(resource).run
        assert run.state == "PARTIAL"
        assert any(REFUSED in text and "refused it" in text for text in run.warnings)
        differences = order_differences if kind == "order" else product_differences
        found = [text for text in differences(sandbox) if not text.startswith(REFUSED)]
        assert [text for text in found if text.startswith(("ord_", "prd_"))] == []
    model = Order if kind == "order" else Product
    assert not model.objects.filter(pk=REFUSED).exists()
    assert model.objects.count() == (229 if kind == "order" else 119)


def test_a_table_that_takes_no_more_rows_ends_the_run(
    sandbox: Sandbox, sync: Sync, refusing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_object, "UNWRITTEN_AT_MOST", 1)
    sandbox.change(
        [
            {"op": "edit_product", "index": 60, "fields": {"title": "poison"}},
            {"op": "rename_product", "index": 60, "to": REFUSED},
        ]
    )
    assert sync("products").run.state == "PARTIAL"
    monkeypatch.setattr(one_object, "UNWRITTEN_AT_MOST", 0)
    with pytest.raises(IntegrityError):
        sync("products")
    assert SyncRun.objects.latest("pk").state == "FAILED"


@pytest.mark.skipif("connection.vendor == 'postgresql'")
def test_all_other_details_are_written(sandbox: Sandbox, sync: Sync, refusing: None) -> None:
    fields = {"billingAddress": {"addressLine1": "poison"}}
    sandbox.change(
        [
            {"op": "edit_order", "index": 60, "fields": fields},
            {"op": "rename_order", "index": 60, "to": REFUSED},
        ]
    )
    run = sync("orders").run
    assert run.state == "PARTIAL", run.error
    assert set(Order.objects.filter(dirty=True).values_list("pk", flat=True)) == {REFUSED}


def test_a_number_of_thousands_of_digits_costs_no_other_row(sandbox: Sandbox, sync: Sync) -> None:
    body = '{"ok":true,"data":{"items":[{"id":"prd_1","price":%s},{"id":"prd_2","price":3}],' % (
        "9" * 5000
    )
    body += '"pagination":{"page":1,"limit":100,"total":2,"totalPages":1}}}'
    sandbox.fault(
        [
            {
                "match": {"path_regex": "/products$"},
                "times": 0,
                "action": "replace_body",
                "args": {"body": body},
            }
        ]
    )
    run = sync("products").run
    assert Product.objects.get(pk="prd_2").price_minor == 3
    assert Product.objects.get(pk="prd_1").price_minor is None
    assert any("digits" in text for text in run.warnings)


def test_all_other_entries_of_the_request_log_are_kept(
    sandbox: Sandbox, store: Store, sync: Sync, refusing: None
) -> None:
    ids = ["log_1", "log_2", REFUSED, "log_4", "log_5"]
    entries = [{"id": pk, "path": "/v2/poison", "statusCode": 200} for pk in ids]
    values = {
        "data.items": entries,
        "data.pagination": {"page": 1, "limit": 100, "total": 5, "totalPages": 1},
    }
    rule = {"match": {"path_regex": "api-logs"}, "times": 0}
    sandbox.fault([{**rule, "action": "edit_body", "args": {"set": values}}])
    for created in (4, 0):
        run = sync("request_logs").run
        assert (run.state, run.rows_created) == ("PARTIAL", created)
        assert any(REFUSED in text and "refused it" in text for text in run.warnings)
        assert not is_read_in_part(store.pk)  # nothing is left to be read by a run soon
    assert set(RequestLog.objects.values_list("pk", flat=True)) == {*ids} - {REFUSED}
