"""A shop with very many stores: no page asks or shows more for each further one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.admin.base.store_search import STORES_OFFERED
from pandabase_django.admin.overview.page import FINDINGS_SHOWN
from pandabase_django.admin.overview.store_cards import STORES_SHOWN
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    CheckoutSession,
    LedgerEntry,
    Order,
    OrderItem,
    Purchase,
    Store,
    SyncCursor,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.tokens.connection import add_token
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]

OVERVIEW = "/admin/pandabase/store/overview/"
SALES = f"{OVERVIEW}sales/"
MOST_QUERIES, MOST_BYTES = 20, 300 * 1024
A_PAGE = 101  # stores that fill a page of Django's lists
Fill = Callable[[int, int], None]


@pytest.fixture
def fill(db: None) -> Fill:
    """Add the stores with these numbers, each with all that a store has."""

    def add(first: int, last: int) -> None:
        cache.clear()
        now = timezone.now()
        for number in range(first, last):
            token = add_token(
                store_id=f"shp_{number:04}",
                mode="HMAC",
                secret=Secret(f"sk_of_{number}"),
                token_id=f"stk_{number}",
                permissions=["PRODUCTS_READ"],  # each lacks others, which is a finding
                test=False,
            )
            endpoint = WebhookEndpoint.objects.create(
                store=token.store, label=f"Endpoint {number:04}"
            )
            fails = {"state": "PENDING", "attempts": 4, "last_error": "Raised: shop.keys"}
            WebhookDelivery.objects.create(
                endpoint=endpoint, event_id=f"evt_{number}", received_at=now, payload={}, **fails
            )
            session = CheckoutSession.objects.create(store=token.store, currency="USD", items=[])
            Purchase.objects.create(store=token.store, session=session, seen_at=now, **fails)
            for resource in ("products", "orders"):
                SyncCursor.objects.create(
                    store=token.store,
                    resource=resource,
                    first_completed_at=now,
                    last_completed_at=now,
                )
                SyncRun.objects.create(
                    store=token.store,
                    resource=resource,
                    state="RUNNING" if number % 5 else "FAILED",
                    trigger="SCHEDULE",
                    started_at=now,
                    heartbeat_at=now,
                )
        Store.objects.filter(title="").update(title="Shop")

    return add


def addresses() -> list[str]:
    lists = [
        reverse(f"admin:pandabase_{each.model._meta.model_name}_changelist")
        for each in model_admins().values()
    ]
    others = ("webhookendpoint_add", "apitoken_add", "ledgerentry_books")
    return [OVERVIEW, SALES, *lists, *(reverse(f"admin:pandabase_{name}") for name in others)]


def costs(client: Client, urls: list[str], *, cold: bool = False) -> dict[str, tuple[int, int]]:
    found = {}
    for url in urls:
        client.get(url)  # warms Django's caches, and that of the sales figures
        if cold:
            cache.clear()
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(url)
        assert answer.status_code == 200, url
        found[url] = len(captured), len(answer.content)
    return found


def test_no_page_grows_with_the_number_of_stores(fill: Fill, login: Login) -> None:
    client, urls = login(superuser=True), addresses()
    fill(0, A_PAGE)
    few = costs(client, urls)
    fill(A_PAGE, A_PAGE + 30)
    many = costs(client, urls)
    grown = [
        (url, few[url], many[url])
        for url in urls
        if many[url][0] != few[url][0]
        or many[url][0] > MOST_QUERIES
        or many[url][1] > min(few[url][1] + 1024, MOST_BYTES)
    ]
    assert not grown


def test_the_overview_asks_as_often_of_one_store_as_of_many(fill: Fill, login: Login) -> None:
    client = login(superuser=True)
    fill(0, 1)
    (few, _) = costs(client, [OVERVIEW])[OVERVIEW]
    fill(1, STORES_SHOWN + 20)
    (many, _) = costs(client, [OVERVIEW])[OVERVIEW]
    assert few == many <= MOST_QUERIES


@pytest.mark.parametrize("days_ago", [0, 400])
def test_the_overview_asks_as_often_when_no_figures_are_cached(
    fill: Fill, login: Login, days_ago: int
) -> None:
    client = login(superuser=True)
    fill(0, STORES_SHOWN + 20)
    for store in Store.objects.all():
        order = row_of(Order, store=store, mark="sold")
        row_of(OrderItem, store=store, mark="sold")
        made = timezone.now() - timedelta(days=days_ago)
        Order.objects.filter(pk=order.pk).update(created_at=made, status="COMPLETED")
    warm, cold = costs(client, [OVERVIEW, SALES]), costs(client, [OVERVIEW, SALES], cold=True)
    assert warm[OVERVIEW][0] == cold[OVERVIEW][0] <= MOST_QUERIES
    assert warm[SALES][0] < cold[SALES][0] <= MOST_QUERIES


def test_stores_that_need_somebody_come_first(fill: Fill, login: Login) -> None:
    fill(0, 30)
    SyncRun.objects.update(state="COMPLETED")
    ApiToken.objects.filter(store="shp_0029").update(health="SUSPECT", health_reason="HTTP 401")
    page = login(superuser=True).get(OVERVIEW)
    assert len(page.context["stores"]) == STORES_SHOWN
    assert page.context["stores"][0].store.pk == "shp_0029"
    assert len(page.context["findings"]) == FINDINGS_SHOWN
    shown = page.content.decode()
    assert "10 more stores are not shown" in shown
    assert "more are not shown; these are the worst" in shown


def test_one_of_many_stores_is_found_by_its_name(fill: Fill, login: Login) -> None:
    fill(0, STORES_OFFERED + 10)
    Store.objects.filter(pk="shp_0029").update(title="Lamps & <Shades>")
    client, url = login("view_syncrun"), reverse("admin:pandabase_syncrun_changelist")
    assert "shp_0029" not in _choices(client.get(url))
    page = client.get(f"{url}?store_like=lamps&state=RUNNING")
    shown = page.content.decode()
    assert _choices(page) == ["shp_0029"]
    assert 'href="?state=RUNNING&amp;store=shp_0029">Lamps &amp; &lt;Shades&gt;</a>' in shown
    page = client.get(f"{url}?state=RUNNING&store=shp_0029")
    assert {run.store_id for run in page.context["cl"].result_list} == {"shp_0029"}
    assert "shp_0029" in _choices(page)
    nothing = client.get(f"{url}?store_like=%00nowhere").content.decode()
    assert "No store has this in its name or id" in nothing
    assert 'name="store_like"' in nothing


def test_stores_of_one_name_are_told_apart_by_their_ids(fill: Fill, login: Login) -> None:
    fill(0, STORES_OFFERED + 10)  # all of one name but the last
    Store.objects.filter(pk="shp_0029").update(title="Shop of lamps")
    client, url = login("view_syncrun"), reverse("admin:pandabase_syncrun_changelist")
    page = client.get(f"{url}?store_like=shop")
    assert _choices(page, name=True)[0] == "Shop · shp_0000"
    assert "More stores have this in their name or id" in page.content.decode()
    page = client.get(f"{url}?store_like=shp_002")
    assert _choices(page, name=True)[-2:] == ["Shop · shp_0028", "Shop of lamps"]
    assert "More stores have this in their name or id" not in page.content.decode()
    books = login(superuser=True).get(reverse("admin:pandabase_ledgerentry_books"))
    assert "<h2>Shop · shp_0000</h2>" in books.content.decode()


def _choices(page: Any, *, name: bool = False) -> list[str]:
    (spec,) = [each for each in page.context["cl"].filter_specs if hasattr(each, "many")]
    return [choice[name] for choice in spec.lookup_choices]


def test_a_form_asks_for_one_of_many_stores_by_typing(fill: Fill, login: Login) -> None:
    url = reverse("admin:pandabase_webhookendpoint_add")
    rights = "add_webhookendpoint", "view_webhookendpoint"
    fill(0, 3)
    assert "shp_0002" in login(*rights, "view_store").get(url).content.decode()
    fill(3, STORES_OFFERED + 3)
    seen = login(*rights, "view_store").get(url).content.decode()
    assert "data-ajax--url" in seen
    assert "shp_0002" not in seen
    client = login(*rights, "view_store")
    field = "?app_label=pandabase&model_name=webhookendpoint&field_name=store&term=shp_0022"
    found = client.get("/admin/autocomplete/" + field).json()["results"]
    assert [each["id"] for each in found] == ["shp_0022"]


def test_who_may_not_see_stores_finds_one_of_many_for_a_form(fill: Fill, login: Login) -> None:
    url = reverse("admin:pandabase_webhookendpoint_add")
    client = login("add_webhookendpoint", "view_webhookendpoint", "change_webhookendpoint")
    fill(0, STORES_OFFERED + 3)
    Store.objects.filter(pk="shp_0022").update(title="Lamps & <Shades>")
    page = client.get(url).content.decode()
    # Django's own search refuses this person.
    assert "data-ajax--url" not in page
    assert "shp_0002" not in page
    assert "shp_0022" not in page
    found = client.get(f"{url}?store_like=lamps").content.decode()
    assert '<a href="?store=shp_0022">Lamps &amp; &lt;Shades&gt;</a>' in found
    assert "No store has this" in client.get(f"{url}?store_like=%00nowhere").content.decode()
    filled = client.get(f"{url}?store=shp_0022").content.decode()
    assert '<input type="text" name="store" value="shp_0022"' in filled
    form = {"label": "New", "enabled": "on", "event_types": ["PAYMENT_COMPLETED"]}
    refused = client.post(url, {**form, "store": "shp_nowhere"}).content.decode()
    assert "There is no such store that you may choose." in refused
    assert client.post(url, {**form, "store": "shp_0022"}).status_code == 302
    assert WebhookEndpoint.objects.get(label="New").store_id == "shp_0022"


def test_the_months_of_one_of_many_stores_are_found(fill: Fill, login: Login) -> None:
    fill(0, STORES_OFFERED + 10)
    now = timezone.now()
    LedgerEntry.objects.create(
        id="led_1", store_id="shp_0029", created_at=now, first_seen_at=now, synced_at=now
    )
    client, url = login(superuser=True), reverse("admin:pandabase_ledgerentry_books")
    month = f"store=shp_0029&amp;month={now:%Y-%m}"
    assert month not in client.get(url).content.decode()
    assert month in client.get(f"{url}?store_like=0029").content.decode()
