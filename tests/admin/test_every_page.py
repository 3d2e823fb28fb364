"""What every page of the app says at its top, walked from the URL resolver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import (
    ApiToken,
    CustomerLink,
    Order,
    Purchase,
    Store,
    UsageRecord,
    WebhookEndpoint,
)
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import Page, button_permission, model_admins, pages
from tests.admin.rights.test_access import url_of
from tests.admin.rows import row_of
from tests.holding.conftest import deploy

__all__ = ["deploy"]

pytestmark = pytest.mark.django_db

READ_ONLY = "READ_ONLY is set in PANDABASE. Nothing is changed"
NO_REAL_MONEY = "This store takes no real money."

#: Why a URL shows no page, by the last part of its name; so do buttons, which take a POST alone.
NO_PAGES = {
    "live": "JSON for live.js",
    "export": "CSV",
    "month_export": "CSV",
    "add": "refused: such rows come by themselves",
    "delete": "refused: such rows are kept",
    "fetch": "takes a POST alone",
    "forget": "takes a POST alone",
    "held": "takes a POST alone",
    "overview_broker": "takes a POST alone",
    "settle": "a form of the action's page; leads back to it",
}
#: Those of them that are pages where a row can be added or deleted.
PAGES_ALL_THE_SAME = {
    "pandabase_apitoken_add",
    "pandabase_webhookendpoint_add",
    "pandabase_webhookendpoint_delete",
}
#: Pages that are of no store.
WITHOUT_A_STORE = {
    "app_list",
    "pandabase_apitoken_add",
    "pandabase_overview_sales",
    "pandabase_webhookendpoint_strangers",
    "delete_selected",
}


def is_page(page: Page) -> bool:
    if page.name in PAGES_ALL_THE_SAME:
        return True
    part = page.part.removeprefix("pandabase_")
    # Django sends <id>/ on to <id>/change/.
    return bool(page.name) and part not in NO_PAGES and not button_permission(page)


@pytest.fixture
def shown(rows: dict[str, Any]) -> dict[str, Any]:
    """The rows, each in a state in which all its pages can be opened."""
    ApiToken.objects.update(environment="elsewhere")  # can be confirmed
    Order.objects.update(status="COMPLETED", gone_at=None)
    Purchase.objects.update(verdict="MISMATCH")  # can be accepted
    UsageRecord.objects.update(state="REJECTED")  # can be corrected and dropped
    user = User.objects.create_user("customer")
    CustomerLink.objects.update(ended_at=None, user=user)  # can be taken back
    # Can be deleted: nothing was delivered to it.
    rows["unused"] = WebhookEndpoint.objects.create(store=rows["store"], label="Unused")
    return rows


def visit(client: Client, rows: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every page by its name, with its answer."""
    month = {"store": rows["store"].pk, "month": f"{timezone.now():%Y-%m}"}
    for page in filter(is_page, pages()):
        url = page.url(rows["unused"]) if page.part == "delete" else url_of(page, rows)
        yield page.name, client.get(url, month if page.part == "month" else {})
    yield "app_list", client.get(reverse("admin:app_list", args=["pandabase"]))
    chosen = {"action": "delete_selected", "_selected_action": rows["unused"].pk}
    endpoints = reverse("admin:pandabase_webhookendpoint_changelist")
    yield "delete_selected", client.post(endpoints, chosen)


def test_every_page_says_that_it_only_reads(
    shown: dict[str, Any], login: Login, deploy: Callable[..., None]
) -> None:
    client = login(superuser=True)
    assert [n for n, page in visit(client, shown) if READ_ONLY in page.content.decode()] == []
    deploy(READ_ONLY=True)
    silent = [
        (name, page.status_code)
        for name, page in visit(client, shown)
        if page.status_code != 200 or READ_ONLY not in page.content.decode()
    ]
    assert silent == []


def test_what_is_no_page_shows_none(shown: dict[str, Any], login: Login) -> None:
    client = login(superuser=True)
    for page in pages():
        if not is_page(page):
            answer = client.get(url_of(page, shown))
            kind = answer.headers["Content-Type"]
            assert answer.status_code in (302, 403, 405) or "html" not in kind, page


def test_every_page_of_a_row_and_every_list_names_a_test_store(
    shown: dict[str, Any], login: Login
) -> None:
    Store.objects.update(title="Books", mark="TEST")
    client = login(superuser=True)
    silent = [
        name
        for name, page in visit(client, shown)
        if name not in WITHOUT_A_STORE and "Books (test)" not in page.content.decode()
    ]
    assert silent == []


def test_a_list_names_many_stores_by_one_query(db: None, login: Login) -> None:
    client, urls = login(superuser=True), {}
    for name in model_admins():
        urls[name] = reverse(f"admin:pandabase_{name}_changelist")

    def queries(first: int, last: int) -> dict[str, int]:
        for number in range(first, last):
            store = Store.objects.create(pk=f"shp_{number}", title=f"Shop {number}")
            for model_admin in model_admins().values():
                row_of(model_admin.model, store=store, mark=f"of{number}")
        asked = {}
        for name, url in urls.items():
            with CaptureQueriesContext(connection) as captured:
                shown = client.get(url).content.decode()
            assert all(f"Shop {number}" in shown for number in range(last)), name
            asked[name] = len(captured)
        return asked

    queries(0, 2)  # warms Django's caches
    assert queries(2, 3) == queries(3, 8)


def test_a_page_of_a_live_store_says_nothing_of_money(shown: dict[str, Any], login: Login) -> None:
    Store.objects.update(title="Books", mark="LIVE")
    client = login(superuser=True)
    assert [n for n, page in visit(client, shown) if NO_REAL_MONEY in page.content.decode()] == []
