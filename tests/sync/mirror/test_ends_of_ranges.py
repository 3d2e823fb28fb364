"""Values at the ends of what a column, a key or a page can hold cost nothing but themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client

from pandabase_django.models import Category, Order, OrderItem, Product, ProductVariant
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.compare import audit
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST_ID = "x" * 128
ENDS = ("9999-12-31T23:59:59Z", "9999-12-31", "0001-01-01T00:00:00Z", "0001-01-01T05:00:00")


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 12, "orders": 12}


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_a_time_at_the_end_of_all_years_keeps_no_page_from_opening(
    sandbox: Sandbox, sync: Sync, admin: Client, settings: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    edited = [
        (kind, model, index, {"createdAt": time, "updatedAt": time})
        for kind, model in (("order", Order), ("product", Product), ("category", Category))
        for index, time in enumerate(ENDS, start=3)
    ]
    pks = sandbox.change(
        [
            {"op": f"edit_{kind}", "index": index, "fields": fields}
            | ({"list_fields": fields} if kind == "order" else {})
            for kind, _, index, fields in edited
        ]
    )
    for resource in ("orders", "products"):
        run = sync(resource).run
        assert run.state == "COMPLETED"
        assert any("createdAt" in text for text in run.warnings)
    for (kind, model, _, fields), pk in zip(edited, pks, strict=True):
        assert model.objects.get(pk=pk).updated_at is None, (kind, fields)
        assert admin.get(f"/admin/pandabase/{kind}/{quote(pk)}/change/").status_code == 200
    for page in ("order/", "order/export/", "product/", "product/export/", "category/"):
        assert admin.get(f"/admin/pandabase/{page}").status_code == 200, page


def test_children_without_an_id_have_one_that_fits_whatever_their_parents(
    sandbox: Sandbox, sync: Sync
) -> None:
    for kind, children in (("order", "items"), ("product", "variants")):
        fields = {children: [{"name": "a"}, {"name": "b"}]}
        sandbox.change(
            [
                {"op": f"rename_{kind}", "index": 3, "to": LONGEST_ID},
                {"op": f"edit_{kind}", "index": 3, "fields": fields},
            ]
        )
    for resource in ("orders", "products"):
        run = sync(resource).run
        assert (run.state, run.warnings) == ("COMPLETED", [])
        assert audit(run.store, resource=resource, full=True).equal
    assert Order.objects.get(pk=LONGEST_ID).dirty is False
    lines = OrderItem.objects.filter(order_id=LONGEST_ID).values_list("pk", flat=True)
    variants = ProductVariant.objects.filter(product_id=LONGEST_ID).values_list("pk", flat=True)
    for ids in (lines, variants):
        assert len(ids) == 2
        assert all(len(pk) <= 128 for pk in ids)


def test_a_category_that_no_key_can_hold_costs_no_product(sandbox: Sandbox, sync: Sync) -> None:
    categories = ["y" * 129, {"id": "z" * 200}, "a/b", {"id": "c d"}, 5, None]
    pk = sandbox.change([{"op": "edit_product", "index": 3, "fields": {"categories": categories}}])[
        0
    ]
    run = sync("products").run
    assert run.state == "COMPLETED"
    assert any("categories" in text for text in run.warnings)
    links = Product.categories.through.objects.filter(product_id=pk)
    assert set(links.values_list("category_id", flat=True)) == {"a/b", "c d"}


def test_a_payload_that_is_nested_too_deeply_to_be_shown_keeps_its_page(
    sandbox: Sandbox, sync: Sync, admin: Client
) -> None:
    sync("orders")
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    order = Order.objects.all()[0]
    Order.objects.filter(pk=order.pk).update(payload={"metadata": deep})
    answer = admin.get(f"/admin/pandabase/order/{quote(order.pk)}/change/")
    assert answer.status_code == 200
    text = answer.content.decode()
    # How deep is too deep depends on the Python: from 3.13 on this can be shown.
    assert "too deeply" in text or text.count("[") >= 900
