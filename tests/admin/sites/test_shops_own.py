"""What shops build on the admin: proxies of our models, and relations of their own to mirrors."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.test.utils import isolate_apps
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import (
    ApiToken,
    Category,
    Customer,
    Order,
    Product,
    RowChange,
    Store,
    SyncRun,
)
from tests.admin.conftest import Login
from tests.admin.outside import Outside
from tests.admin.rights.enumeration import pages

pytestmark = pytest.mark.django_db

BY_PROXY = pytest.mark.urls("tests.admin.sites.proxy_urls")


@pytest.fixture
def client(login: Login) -> Client:
    client = login(superuser=True)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("model", [Order, Product, Customer, Category, Store, ApiToken, SyncRun])
def test_a_shops_model_may_complete_onto_each_of_ours(model: Any) -> None:
    with isolate_apps("pandabase_django"):

        class Note(models.Model):
            about = models.ForeignKey(model, on_delete=models.CASCADE)

            class Meta:
                app_label = "pandabase"

            def __str__(self) -> str:
                return str(self.about)

        class NoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
            autocomplete_fields = ("about",)

        assert NoteAdmin(Note, admin.site).check() == []


@BY_PROXY
@pytest.mark.parametrize("name", ["order", "product"])
def test_a_proxys_row_is_refreshed(
    client: Client,
    rows: dict[str, Any],
    outside: Outside,
    name: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    url = reverse(f"admin:pandabase_our{name}_refresh", args=[rows[name].pk])
    with outside.watch() as left, django_capture_on_commit_callbacks(execute=True):
        assert client.post(url).status_code == 302
    (message,) = [text for text in left if text.startswith("message pandabase.refresh_row")]
    assert f"'{name}'" in message


@BY_PROXY
def test_every_page_of_a_proxy_works_and_leads_to_proxies(
    client: Client, rows: dict[str, Any]
) -> None:
    wrong, opened = [], 0
    for page in pages():
        name = str(page.model_admin.model._meta.model_name) if page.model_admin else ""
        real = next(iter([n for n in rows if f"our{n}" == name]), "store")
        for method in ("get", "post"):
            answer = getattr(client, method)(page.url(rows[real]))
            opened += answer.status_code == 200
            if answer.status_code >= 500 or answer.headers.get("Location") == "":
                wrong.append((page.name, method, answer.status_code))
    assert wrong == []
    assert opened > 30


@BY_PROXY
def test_a_token_is_added_by_a_proxys_page(client: Client, rows: dict[str, Any]) -> None:
    data = {"store_id": "shp_new", "name": "New", "mode": "BEARER", "secret": "sk_new_0123456789"}
    answer = client.post(
        reverse("admin:pandabase_ourapitoken_add"), {**data, "api_url": "https://api.pandabase.io"}
    )
    assert answer.status_code == 302
    assert ApiToken.objects.get(store="shp_new").role == "ACTIVE"


def test_the_history_of_a_mirrored_row_is_what_changed_here(
    client: Client, rows: dict[str, Any]
) -> None:
    order, product = rows["order"], rows["product"]
    now = timezone.now()
    for row, name, columns in ((order, "order", ["status"]), (product, "product", ["title"])):
        RowChange.objects.create(
            store_id=row.store_id,
            model_name=name,
            row_id=row.pk,
            kind="CHANGED",
            columns=columns,
            at=now,
            run=rows["syncrun"],
        )
    # Another kind of row may have the same id.
    RowChange.objects.create(
        store_id=order.store_id, model_name="product", row_id=order.pk, kind="GONE", at=now
    )
    page = client.get(reverse("admin:pandabase_order_history", args=[order.pk]))
    text = page.content.decode()
    assert [change.columns for change in page.context["changes"]] == ["status"]
    assert f"Sync run {rows['syncrun'].pk}" in text
    change = client.get(reverse("admin:pandabase_order_change", args=[order.pk])).content.decode()
    assert reverse("admin:pandabase_order_history", args=[order.pk]) in change
