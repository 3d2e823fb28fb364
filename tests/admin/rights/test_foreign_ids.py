"""A remote that names another store's ids shows that store's people nothing of the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import (
    Category,
    Customer,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
    Store,
)
from tests.admin.rights.enumeration import pages
from tests.admin.sites.by_store_urls import HIDDEN_STORE

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.sites.by_store_urls")]

SECRET = "geheim"


@pytest.fixture
def ours(db: None) -> dict[str, Any]:
    """Rows of our store, all of which name rows of the hidden one."""
    cache.clear()
    now = timezone.now()
    hidden, store = (Store.objects.create(pk=pk) for pk in (HIDDEN_STORE, "shp_ours"))

    def make(model: Any, pk: str, store: Store = store, **columns: Any) -> Any:
        seen = {"first_seen_at": now, "synced_at": now}
        return model.objects.create(pk=pk, store=store, **seen, **columns)

    make(Customer, "cus_x", hidden, email=f"{SECRET}@x.example")
    make(Category, "cat_x", hidden, name=SECRET)
    make(Product, "prd_x", hidden, title=SECRET)
    make(ProductVariant, "var_x", hidden, product_id="prd_x", title=SECRET)
    rows = {
        "order": make(
            Order, "ord_1", customer_id="cus_x", status="COMPLETED", amount_minor=1, created_at=now
        ),
        "product": make(Product, "prd_1", title="Ours"),
        "category": make(Category, "cat_1", parent_id="cat_x", name="Ours"),
        "customer": make(Customer, "cus_1", email="us@x.example"),
        "store": store,
    }
    make(
        OrderItem,
        "itm_1",
        order_id="ord_1",
        product_id="prd_x",
        variant_id="var_x",
        quantity=1,
        name="Line",
    )
    ProductCategory.objects.create(product_id="prd_1", category_id="cat_x")
    ProductCategory.objects.create(product_id="prd_x", category_id="cat_1")
    return rows


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("us", is_staff=True, is_superuser=True))
    return client


def test_no_page_list_or_export_shows_the_other_store(client: Client, ours: dict[str, Any]) -> None:
    tried = 0
    for page in pages():
        name = str(page.model_admin.model._meta.model_name) if page.model_admin else "store"
        if name not in ours:
            continue
        answer = client.get(page.url(ours[name]))
        assert SECRET not in str(answer.getvalue(), "utf-8", "replace"), page.name
        tried += answer.status_code == 200
    assert tried > 15


def test_the_raw_id_stays(client: Client, ours: dict[str, Any]) -> None:
    page = client.get(reverse("admin:pandabase_order_change", args=["ord_1"])).content.decode()
    assert "cus_x" in page
    assert "prd_x" in page


def test_no_search_tells_whose_address_an_id_has(client: Client, ours: dict[str, Any]) -> None:
    url = reverse("admin:pandabase_order_changelist")
    found = client.get(url, {"q": f"{SECRET}@x.example"}).context["cl"].result_list
    assert list(found) == []
    ours["order"].customer_id = "cus_1"
    ours["order"].save()
    found = client.get(url, {"q": "us@x.example"}).context["cl"].result_list
    assert [row.pk for row in found] == ["ord_1"]


@pytest.mark.parametrize(
    "query",
    [
        "customer__email__startswith=geheim",
        "customer__email__contains=g",
        "items__product__title=x",
    ],
)
def test_no_lookup_of_the_address_bar_reaches_the_other_store(
    client: Client, ours: dict[str, Any], query: str
) -> None:
    answer = client.get(reverse("admin:pandabase_order_changelist") + f"?{query}")
    assert answer.status_code in (302, 400) or not answer.context["cl"].result_list
