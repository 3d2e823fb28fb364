"""The overview: what needs attention, each store's state, sales, and the way through the set-up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.admin.overview.charts import Bar, bar_chart
from pandabase_django.models import (
    ApiToken,
    Order,
    OrderItem,
    Product,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    TaskTick,
)
from pandabase_django.services.health.figures import sales_figures
from tests.admin.conftest import Login
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db

URL = "/admin/pandabase/store/overview/"
SALES = f"{URL}sales/"
EVERYTHING = (
    *("view_store", "view_apitoken", "view_syncrun", "view_order", "view_product"),
    "view_rotationattempt",
)


@pytest.fixture(autouse=True)
def no_figures() -> None:
    cache.clear()


def order(number: int, *, store: Store, **values: Any) -> Order:
    now = timezone.now()
    defaults = {"status": "COMPLETED", "amount_minor": 1000, "currency": "USD", "created_at": now}
    return Order.objects.create(
        pk=f"ord_t{number}", store=store, first_seen_at=now, synced_at=now, **{**defaults, **values}
    )


def test_an_empty_installation_is_led_through_its_set_up(login: Login) -> None:
    client = login(superuser=True)
    shown = client.get(URL).content.decode()
    assert "Set up" in shown
    assert reverse("admin:pandabase_apitoken_add") in shown
    assert "pandabase_check" in shown
    assert "as they should be" not in shown
    assert "Sales" not in shown


def test_a_shop_at_work_is_shown_on_one_page(mirrored: ApiToken, login: Login) -> None:
    now = timezone.now()
    TaskTick.objects.create(task="pandabase.sync_all", at=now - timedelta(minutes=4))
    run = SyncRun.objects.create(
        store=mirrored.store,
        resource="orders",
        trigger="SCHEDULE",
        started_at=now,
        heartbeat_at=now,
        progress_done=5,
        progress_total=10,
    )
    attempt = RotationAttempt.objects.create(
        token=mirrored, state="WATCHING", trigger="ADMIN", from_version=1, prepared_at=now
    )
    client = login(superuser=True)
    shown = client.get(URL).content.decode()
    assert "Set up" not in shown
    assert mirrored.secret_hint in shown
    assert "next in" in shown
    assert reverse("admin:pandabase_syncrun_live", args=[run.pk]) in shown
    assert reverse("admin:pandabase_rotationattempt_change", args=[quote(str(attempt.pk))]) in shown
    assert f'id="pandabase-sales" data-load="{SALES}"' in shown
    assert f'<a href="{SALES}">Show what was sold</a>' in shown
    shown = client.get(SALES).content.decode()
    assert '<section class="pandabase-panel" id="pandabase-sales"' in shown
    assert shown.count('class="pandabase-chart"') == 2
    assert "As a table" in shown
    # The sandbox's products are sold by its orders.
    assert Product.objects.filter(title__in=_texts(shown)).exists()


def _texts(page: str) -> list[str]:
    return [part.split("<")[0] for part in page.split(">")]


def test_attention_leads_to_the_fix(mirrored: ApiToken, login: Login) -> None:
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")
    SyncCursor.objects.filter(resource="orders").update(
        last_completed_at=timezone.now() - timedelta(hours=5)
    )
    shown = login(*EVERYTHING).get(URL).content.decode()
    token_page = reverse("admin:pandabase_apitoken_change", args=[quote(str(mirrored.pk))])
    assert f'<a href="{token_page}">Test its connection' in shown
    assert "Stale" in shown


def test_nobody_is_told_that_all_is_well_who_may_not_see_what_is_wrong(
    mirrored: ApiToken, login: Login, settings: Any
) -> None:
    settings.DEBUG = True  # else the tests' own cache is something wrong that everybody sees
    assert "as they should be" in login("view_store").get(URL).content.decode()
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")
    shown = login("view_store").get(URL).content.decode()
    assert "Nothing that your permissions let you see." in shown
    assert "as they should be" not in shown


def test_each_part_needs_the_right_to_see_it(mirrored: ApiToken, login: Login) -> None:
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")
    shown = login("view_store").get(URL).content.decode()
    assert str(mirrored.store) in shown
    for hidden in (mirrored.secret_hint, "HTTP 401", SALES, "data-live-url"):
        assert hidden not in shown
    for rights in ("view_store",), ("view_order",):
        assert login(*rights).get(SALES).status_code == 403
    assert login("view_order").get(URL).status_code == 403
    for rights, is_linked in (("view_store", True), ("view_order", False)):
        assert (URL in login(rights).get("/admin/pandabase/").content.decode()) is is_linked
    assert SALES in login("view_store", "view_order").get(URL).content.decode()


def test_without_an_order_the_sales_say_so(token: ApiToken, login: Login) -> None:
    shown = login(superuser=True).get(SALES).content.decode()
    assert "There is no order yet." in shown
    assert 'class="pandabase-chart"' not in shown


def test_the_broker_is_asked_by_a_button_alone(token: ApiToken, login: Login) -> None:
    url = reverse("admin:pandabase_overview_broker")
    assert login("view_store").post(url).status_code == 403
    client = login("view_store", "run_sync")
    assert client.get(url)["Location"] == URL
    with broker_at("redis://:pw@127.0.0.1:9/0"):
        shown = client.post(url, follow=True).content.decode()
    assert "does not answer" in shown
    assert "pw@" not in shown


def test_figures_count_days_statuses_currencies_and_products(token: ApiToken) -> None:
    store, now = token.store, timezone.now()
    Product.objects.create(pk="prd_a", store=store, title="Lamp", first_seen_at=now, synced_at=now)
    for number, values in enumerate(
        (
            {},
            {"status": "REFUNDED", "amount_minor": 500},
            {"status": "FAILED", "amount_minor": 99_999},
            {"currency": "JPY", "amount_minor": 700},
            {"created_at": now - timedelta(days=3)},
            {"created_at": now - timedelta(days=60)},
            {"created_at": None},
        )
    ):
        row = order(number, store=store, **values)
        OrderItem.objects.create(
            pk=f"itm_{number}",
            store=store,
            order=row,
            product_id="prd_a" if number else "prd_gone",
            quantity=2,
            first_seen_at=now,
            synced_at=now,
        )
    figures = sales_figures([store.pk])
    assert (figures.currency, figures.gross_minor) == ("USD", 2500)
    assert figures.other_gross_minor == {"JPY": 700}
    assert figures.orders == 5
    assert len(figures.days) == 30
    assert (figures.days[-1].orders, figures.days[-4].orders) == (4, 1)
    assert dict(figures.by_status) == {"COMPLETED": 3, "REFUNDED": 1, "FAILED": 1}
    assert [(p.name, p.quantity) for p in figures.top] == [("Lamp", 6), ("prd_gone", 2)]
    assert sales_figures([]).orders == 0


def test_a_shop_without_new_orders_is_shown_its_last_ones(token: ApiToken) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    order(1, store=token.store, created_at=long_ago)
    figures = sales_figures([token.store_id])
    assert figures.orders == 1
    assert figures.days[-1].day == timezone.localdate(long_ago)


def test_figures_are_kept_for_a_while_and_by_store(token: ApiToken) -> None:
    order(1, store=token.store)
    with CaptureQueriesContext(connection) as captured:
        first = sales_figures([token.store_id])
    assert len(captured) <= 6
    order(2, store=token.store)
    with CaptureQueriesContext(connection) as captured:
        assert sales_figures([token.store_id]) == first
    assert len(captured) == 0
    other = Store.objects.create(pk="shp_other")
    assert sales_figures([other.pk]).orders == 0


def test_figures_have_nothing_to_do_with_the_cache_of_rate_limits(
    token: ApiToken, settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "RATE_LIMIT_CACHE": "not there"}
    order(1, store=token.store)
    assert sales_figures([token.store_id]).orders == 1


def test_the_page_costs_the_same_with_ten_stores_as_with_one(
    mirrored: ApiToken, login: Login
) -> None:
    client = login(superuser=True)

    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(URL).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(10):
        store = Store.objects.create(pk=f"shp_{number}")
        for resource in ("orders", "products"):
            SyncCursor.objects.create(
                store=store, resource=resource, first_completed_at=timezone.now()
            )
    assert queries() == few <= 20


def test_a_chart_is_drawn_without_script_or_style() -> None:
    drawn = bar_chart(
        [Bar(0, "none"), Bar(5, "<five>"), Bar(-3, "less")],
        title="Orders",
        first="a",
        last="b",
        highest="5",
    )
    assert "style=" not in drawn
    assert "<script" not in drawn
    assert "&lt;five&gt;" in drawn
    assert drawn.count('class="pandabase-bar"') == 3
    assert 'height="-' not in drawn
    assert bar_chart([], title="", first="", last="", highest="").startswith("<svg")


def test_a_stores_page_tells_its_state(mirrored: ApiToken, login: Login) -> None:
    page = reverse("admin:pandabase_store_change", args=[quote(mirrored.store_id)])
    shown = login(*EVERYTHING).get(page).content.decode()
    for text in ("as of", "Newest runs", "Tokens", mirrored.secret_hint):
        assert text in shown
    shown = login("view_store").get(page).content.decode()
    assert "as of" in shown
    for text in ("Newest runs", "Tokens", mirrored.secret_hint):
        assert text not in shown
