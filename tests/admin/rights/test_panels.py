"""What a page shows of other pages' rows, it shows to those whom their own pages show them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import (
    ApiToken,
    CustomerLink,
    Order,
    Purchase,
    RemoteAction,
    RequestLog,
    RotationAttempt,
    Store,
    Subscription,
    SyncRun,
    WebhookDelivery,
)
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of
from tests.admin.sites.other_pages_urls import KEPT_STORE

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.sites.other_pages_urls")]

#: Each way in which a shop keeps the second store's rows, and that it keeps none.
BY_RULE = pytest.mark.parametrize("kept_by", ["view", "rows", "nobody"])
KEPT = "apitoken", "customerlink", "purchase", "remoteaction", "rotationattempt", "syncrun"
OVERVIEW = "admin:pandabase_overview"


@pytest.fixture
def kept(rows: dict[str, Any], settings: Any, kept_by: str) -> dict[str, Any]:
    """The same rows again, of the store whose tokens, runs and so on other pages may keep."""
    settings.KEPT_BY, settings.KEPT = kept_by, {*KEPT}
    store = Store.objects.create(pk=KEPT_STORE, title="Second shop")
    made = {
        name: row_of(model_admin.model, store=store, mark="kept")
        for name, model_admin in model_admins().items()
    }
    ApiToken.objects.update(role="ACTIVE", health="SUSPECT", health_reason="Said no.")
    ApiToken.objects.filter(store=KEPT_STORE).update(secret_hint="••••kept")
    SyncRun.objects.update(state="RUNNING", resource="orders", heartbeat_at=timezone.now())
    RotationAttempt.objects.update(state="LOST", closed_at=None, from_version=3)
    for one in (rows, made):
        RemoteAction.objects.filter(pk=one["remoteaction"].pk).update(object_id=one["order"].pk)
        RotationAttempt.objects.filter(pk=one["rotationattempt"].pk).update(token=one["apitoken"])
    return made


def page_of(client: Client, row: Any) -> Any:
    name = row._meta.model_name
    return client.get(reverse(f"admin:pandabase_{name}_change", args=[row.pk]), follow=True)


def token_texts(row: Any) -> set[str]:
    token = ApiToken.objects.get(pk=row.pk)
    return {token.name, token.secret_hint}


def told(page: Any, row: Any) -> bool:
    """Whether a page tells of a token: by its name, its last characters, or its id."""
    text = page.content.decode()
    found = {part in text for part in (*token_texts(row), str(row.pk))}
    return True in found


@BY_RULE
def test_the_overview_and_a_stores_page_show_no_token_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str
) -> None:
    client = login(superuser=True)
    overview = client.get(reverse(OVERVIEW))
    assert told(overview, rows["apitoken"])
    assert told(overview, kept["apitoken"]) is (kept_by == "nobody")
    lost = [one.store_id for one in overview.context["findings"] if one.code == "rotation_lost"]
    assert rows["store"].pk in lost
    assert (KEPT_STORE in lost) is (kept_by == "nobody")
    assert told(page_of(client, rows["store"]), rows["apitoken"])
    assert told(page_of(client, kept["store"]), kept["apitoken"]) is (kept_by == "nobody")


@BY_RULE
def test_the_overview_and_a_stores_page_show_no_run_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str
) -> None:
    client = login(superuser=True)
    url = reverse("admin:pandabase_syncrun_change", args=[kept["syncrun"].pk])
    for page in (client.get(reverse(OVERVIEW)), page_of(client, kept["store"])):
        assert (url in page.content.decode()) is (kept_by == "nobody")
    assert len(page_of(client, rows["store"]).context["runs"]) == 1
    assert len(page_of(client, kept["store"]).context["runs"]) == (kept_by == "nobody")


@BY_RULE
def test_the_list_of_stores_names_no_token_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str
) -> None:
    page = login(superuser=True).get(reverse("admin:pandabase_store_changelist"))
    text = page.content.decode()
    assert rows["apitoken"].name in text
    assert (kept["apitoken"].name in text) is (kept_by == "nobody")
    # It has one: nobody is asked to add it.
    assert "none: add one" not in text


@pytest.mark.parametrize("kept_by", ["nobody"])
def test_the_list_of_stores_says_nothing_of_tokens_to_who_may_not_see_them(
    rows: dict[str, Any], kept: dict[str, Any], login: Login
) -> None:
    url = reverse("admin:pandabase_store_changelist")
    page = login("view_store").get(url)
    assert not {"health", "active_token"}.intersection(page.context["cl"].list_display)
    assert rows["apitoken"].name not in page.content.decode()
    assert "Refused" not in page.content.decode()
    ApiToken.objects.filter(store=KEPT_STORE).update(role="RETIRED")
    page = login("view_store", "view_apitoken").get(url)
    assert rows["apitoken"].name in page.content.decode()
    assert "none: add one" in page.content.decode()


@BY_RULE
def test_an_orders_page_shows_no_action_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str
) -> None:
    client = login(superuser=True)
    assert len(page_of(client, rows["order"]).context["asked_actions"]) == 1
    assert len(page_of(client, kept["order"]).context["asked_actions"]) == (kept_by == "nobody")


@pytest.mark.parametrize("kept_by", ["nobody"])
def test_panels_are_empty_for_who_may_not_see_such_rows_at_all(
    rows: dict[str, Any], kept: dict[str, Any], login: Login
) -> None:
    client = login("view_order", "view_store", "view_apitoken", "view_requestlog")
    assert page_of(client, rows["order"]).context["asked_actions"] == []
    assert page_of(client, rows["store"]).context["runs"] == []
    token = page_of(client, rows["apitoken"])
    assert (token.context["rotations"], token.context["sees_history"]) == ([], False)


@BY_RULE
def test_a_tokens_page_shows_no_rotation_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, settings: Any, kept_by: str
) -> None:
    settings.KEPT = {"rotationattempt"}
    client = login(superuser=True)
    assert len(page_of(client, rows["apitoken"]).context["rotations"]) == 1
    page = page_of(client, kept["apitoken"])
    assert len(page.context["rotations"]) == (kept_by == "nobody")
    assert "It was never rotated from here" not in page.content.decode()
    RotationAttempt.objects.all().delete()
    page = page_of(client, kept["apitoken"])
    assert "It was never rotated from here" in page.content.decode()


@BY_RULE
def test_the_request_log_shows_no_run_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str
) -> None:
    SyncRun.objects.update(resource="request_logs", state="FAILED", error="The remote said no.")
    url = reverse("admin:pandabase_requestlog_changelist")
    shown = login(superuser=True).get(url).content.decode()
    assert shown.count("The remote said no.") == (2 if kept_by == "nobody" else 1)
    assert "Never fetched" not in shown
    alone = login("view_requestlog").get(url).content.decode()
    assert "The remote said no." not in alone
    SyncRun.objects.all().delete()
    assert "Never fetched" in login("view_requestlog").get(url).content.decode()
    assert RequestLog.objects.count() == 2


@BY_RULE
def test_a_delivery_shows_no_state_of_an_order_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, settings: Any, kept_by: str
) -> None:
    settings.KEPT = {"order"}
    for one in (rows, kept):
        Order.objects.filter(pk=one["order"].pk).update(status=f"STATE_OF_{one['store'].pk}")
        delivery = WebhookDelivery.objects.filter(pk=one["webhookdelivery"].pk)
        delivery.update(order_id=one["order"].pk)
    url = reverse("admin:pandabase_webhookdelivery_changelist")
    text = login(superuser=True).get(url).content.decode()
    assert f"STATE_OF_{rows['store'].pk}" in text
    assert (f"STATE_OF_{KEPT_STORE}" in text) is (kept_by == "nobody")
    assert "STATE_OF_" not in login("view_webhookdelivery").get(url).content.decode()


@BY_RULE
@pytest.mark.parametrize("by", ["purchase", "link"])
def test_a_subscription_names_no_user_that_is_kept(
    rows: dict[str, Any], kept: dict[str, Any], login: Login, kept_by: str, by: str, admin_user: Any
) -> None:
    Purchase.objects.update(user=None)
    CustomerLink.objects.update(user=None)
    for one in (rows, kept):
        subscription = Subscription.objects.get(pk=one["subscription"].pk)
        if by == "purchase":
            purchase = Purchase.objects.filter(pk=one["purchase"].pk)
            purchase.update(user=admin_user, subscription=subscription.pk)
        else:
            CustomerLink.objects.filter(pk=one["customerlink"].pk).update(
                user=admin_user, customer=subscription.customer_id, ended_at=None
            )
    client = login(superuser=True)
    name = f">{admin_user}<"
    assert name in page_of(client, rows["subscription"]).content.decode()
    shown = page_of(client, kept["subscription"]).content.decode()
    assert (name in shown) is (kept_by == "nobody")
