"""A rule by object holds for everything that does something, whichever permission it needs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import ApiToken, Order, Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.admin.outside import Outside
from tests.admin.rights.enumeration import Page, button_permission, model_admins, pages
from tests.admin.rights.test_access import OPENED_BY
from tests.admin.rows import row_of
from tests.admin.sites.by_object_urls import CLOSED_STORE

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.sites.by_object_urls")]

SECRET = "sk_live_0123456789abcdef"


@pytest.fixture
def closed(rows: dict[str, Any]) -> dict[str, Any]:
    """The same rows again, of the store that this person may not change."""
    store = Store.objects.create(pk=CLOSED_STORE, title="Second shop")
    return {
        name: row_of(model_admin.model, store=store, mark="closed")
        for name, model_admin in model_admins().items()
    }


def person(*codenames: str) -> Client:
    """With these permissions; with all there are when none is named."""
    user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
    found = Permission.objects.filter(content_type__app_label="pandabase")
    user.user_permissions.set(found.filter(codename__in=codenames) if codenames else found)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def acting_pages() -> list[Page]:
    """Pages of one row that do something."""
    return [
        page
        for page in pages()
        if page.arguments
        and not page.is_djangos
        and (button_permission(page) or OPENED_BY[page.name] != "view")
    ]


def name_of(page: Page) -> str:
    return str(page.model_admin.model._meta.model_name) if page.model_admin else "store"


def test_nothing_is_done_to_a_row_that_may_not_be_changed(
    rows: dict[str, Any], closed: dict[str, Any], outside: Outside
) -> None:
    client, wrong = person(), []
    assert len(acting_pages()) > 20
    for page in acting_pages():
        for method in ("get", "post"):
            with outside.watch() as left:
                answer = getattr(client, method)(page.url(closed[name_of(page)]))
            refused = (403, 405) if method == "get" else (403,)
            if answer.status_code not in refused or left:
                wrong.append((page.name, method, answer.status_code, left))
    assert wrong == []


def test_nothing_is_changed_or_deleted_on_djangos_own_pages(
    rows: dict[str, Any], closed: dict[str, Any]
) -> None:
    # Just added: one with a registration or with deliveries is deleted by nobody.
    theirs, ours = (WebhookEndpoint.objects.create(store=some["store"]) for some in (closed, rows))
    closed["webhookendpoint"] = theirs
    client, wrong = person(), []
    own = [page for page in pages() if page.part in ("change", "delete", "changelist")]
    assert {page.part for page in own} == {"change", "delete", "changelist"}
    for page in own:
        row = closed[name_of(page)]
        before = type(row)._default_manager.filter(pk=row.pk).values().get()
        data = {"post": "yes", "action": "delete_selected", "_selected_action": row.pk}
        answer = client.post(page.url(row), data)
        after = type(row)._default_manager.filter(pk=row.pk).values().first()
        if after != before or (page.part != "changelist" and answer.status_code != 403):
            wrong.append((page.name, answer.status_code))
    assert wrong == []
    delete = reverse("admin:pandabase_webhookendpoint_delete", args=[ours.pk])
    client.post(delete, {"post": "yes"})
    assert not WebhookEndpoint.objects.filter(pk=ours.pk).exists()


def test_the_rule_holds_for_people_without_the_permission_to_change(
    rows: dict[str, Any], closed: dict[str, Any]
) -> None:
    client = person("view_apitoken", "rotate_apitoken", "view_order", "run_sync")
    for name, part in (("apitoken", "rotate"), ("apitoken", "install"), ("order", "refresh")):
        url = f"admin:pandabase_{name}_{part}"
        closed_answer = client.post(reverse(url, args=[closed[name].pk]))
        open_answer = client.post(reverse(url, args=[rows[name].pk]))
        assert (closed_answer.status_code, open_answer.status_code < 400) == (403, True), part


def test_buttons_are_shown_where_they_work(rows: dict[str, Any], closed: dict[str, Any]) -> None:
    client = person()
    shown = {True: 0, False: 0}
    for page in acting_pages():
        name = name_of(page)
        if name in ("store", "requestlog") and page.part == "fetch":
            continue
        for is_open, row in ((True, rows[name]), (False, closed[name])):
            change = reverse(f"admin:pandabase_{name}_change", args=[row.pk])
            shown[is_open] += page.url(row) in client.get(change, follow=True).content.decode()
    assert shown[False] == 0
    assert shown[True] >= 8


def test_bulk_actions_leave_out_rows_that_may_not_be_changed(
    rows: dict[str, Any], closed: dict[str, Any], outside: Outside
) -> None:
    client = person()
    WebhookDelivery.objects.update(state="DEAD")
    for name, action in (("store", "sync_now"), ("webhookdelivery", "replay")):
        both = [rows[name].pk, closed[name].pk]
        data = {"action": action, "_selected_action": both, "select_across": "0"}
        client.post(reverse(f"admin:pandabase_{name}_changelist"), data)
    states = dict(WebhookDelivery.objects.values_list("pk", "state"))
    assert states[closed["webhookdelivery"].pk] == "DEAD"
    assert states[rows["webhookdelivery"].pk] == "PENDING"
    told = client.get(reverse("admin:pandabase_store_changelist")).content.decode()
    assert "Shown shop" in told
    assert "A sync of Second shop" not in told


def test_a_rotation_asks_for_every_token_it_uses(
    rows: dict[str, Any], closed: dict[str, Any], settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.sites.one_token_urls"
    ours = rows["apitoken"]
    ApiToken.objects.filter(pk=ours.pk).update(role="ACTIVE", token_id="stk_one", health="OK")
    other = ApiToken.objects.get(pk=closed["apitoken"].pk)
    base_url = ApiToken.objects.get(pk=ours.pk).base_url
    ApiToken.objects.filter(pk=other.pk).update(
        store=ours.store_id, base_url=base_url, token_id="stk_2", health="OK", role="STANDBY"
    )
    for kept, ways in (
        (ours, {"itself"}),
        (None, {f"pair:{other.pk}", f"by:{other.pk}", "itself"}),
    ):
        settings.ONLY_TOKEN = kept and kept.pk
        page = person().get(reverse("admin:pandabase_apitoken_rotate", args=[ours.pk]))
        assert {way.key for way in page.context["ways"]} == ways


def test_a_tokens_page_replays_no_delivery_that_may_not_be_replayed(
    rows: dict[str, Any], settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.sites.one_token_urls"
    token, open_one = rows["apitoken"], rows["webhookdelivery"]
    ApiToken.objects.filter(pk=token.pk).update(role="ACTIVE", health="OK")
    closed_one = WebhookDelivery.objects.create(
        endpoint=open_one.endpoint, event_id="evt_closed", received_at=open_one.received_at
    )
    settings.CLOSED_EVENT = closed_one.event_id
    WebhookDelivery.objects.update(
        state="DEAD", last_error="No (HTTP 401)", finished_at=timezone.now()
    )
    person().post(reverse("admin:pandabase_apitoken_replay_refused", args=[token.pk]))
    states = dict(WebhookDelivery.objects.values_list("pk", "state"))
    assert states == {open_one.pk: "PENDING", closed_one.pk: "DEAD"}


def token_data(store: str, **more: str) -> dict[str, str]:
    return {
        "store_id": store,
        "name": "Mine",
        "mode": "BEARER",
        "secret": SECRET,
        "api_url": "https://api.pandabase.io",
        **more,
    }


@pytest.mark.parametrize(
    "urls", ["tests.admin.sites.by_object_urls", "tests.admin.sites.by_store_urls"]
)
@pytest.mark.parametrize("known", [True, False])
def test_no_token_is_added_to_a_store_out_of_scope(
    rows: dict[str, Any], settings: Any, urls: str, known: bool
) -> None:
    settings.ROOT_URLCONF = urls
    if known:
        Store.objects.create(pk=CLOSED_STORE)
    for store in (CLOSED_STORE, f" {CLOSED_STORE} "):
        answer = person().post(reverse("admin:pandabase_apitoken_add"), token_data(store))
        assert answer.status_code == 200
        assert "You may not add a token to this store." in answer.content.decode()
    assert not ApiToken.objects.filter(store=CLOSED_STORE).exists()


def test_no_endpoint_is_added_to_a_store_out_of_scope(
    rows: dict[str, Any], closed: dict[str, Any]
) -> None:
    before = WebhookEndpoint.objects.count()
    client = person()
    url = reverse("admin:pandabase_webhookendpoint_add")
    assert CLOSED_STORE not in client.get(url).content.decode()
    client.post(url, {"store": CLOSED_STORE, "label": "", "enabled": "on", "event_types": []})
    assert WebhookEndpoint.objects.count() == before


def test_a_rule_about_registering_holds_for_the_signing_secret(
    rows: dict[str, Any], settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.sites.one_token_urls"
    before = WebhookEndpoint.objects.count()
    data = {"store": rows["store"].pk, "label": "", "enabled": "on", "secret": SECRET}
    url = reverse("admin:pandabase_webhookendpoint_add")
    answer = person().post(url, {**data, "event_types": ["PAYMENT_REFUNDED"]})
    assert "You may not set its signing secret." in answer.content.decode()
    assert WebhookEndpoint.objects.count() == before


def test_a_token_added_where_one_was_before_stands_by(rows: dict[str, Any]) -> None:
    store = rows["store"]
    for role in ("STANDBY", "RETIRED", "ACTIVE"):
        ApiToken.objects.filter(pk=rows["apitoken"].pk).update(role=role)
        person().post(reverse("admin:pandabase_apitoken_add"), token_data(store.pk, name=role))
        assert ApiToken.objects.get(name=role).role == "STANDBY"
    person().post(reverse("admin:pandabase_apitoken_add"), token_data("shp_new", name="First"))
    assert ApiToken.objects.get(name="First").role == "ACTIVE"


@pytest.mark.parametrize("may_rotate", [True, False])
def test_who_may_not_rotate_does_not_set_when_a_secret_is_rotated(
    rows: dict[str, Any], may_rotate: bool
) -> None:
    token = rows["apitoken"]
    ApiToken.objects.update(rotate_after_days=None)
    rights = ["view_apitoken", "change_apitoken", "add_apitoken"]
    client = person(*rights, *(["rotate_apitoken"] if may_rotate else []))
    url = reverse("admin:pandabase_apitoken_change", args=[token.pk])
    client.post(url, {"name": "Renamed", "rotate_after_days": "1", "preset": "", "other": ""})
    token.refresh_from_db()
    assert (token.name, token.rotate_after_days) == ("Renamed", 1 if may_rotate else None)
    data = token_data("shp_new", rotate_after_days="1")
    client.post(reverse("admin:pandabase_apitoken_add"), data)
    assert ApiToken.objects.get(store="shp_new").rotate_after_days == (1 if may_rotate else None)


def test_a_rotation_by_its_age_survives_a_renaming(rows: dict[str, Any]) -> None:
    token = rows["apitoken"]
    ApiToken.objects.filter(pk=token.pk).update(rotate_after_days=30)
    url = reverse("admin:pandabase_apitoken_change", args=[token.pk])
    person("view_apitoken", "change_apitoken").post(
        url, {"name": "Renamed", "rotate_after_days": "", "preset": "", "other": ""}
    )
    token.refresh_from_db()
    assert (token.name, token.rotate_after_days) == ("Renamed", 30)


def test_reading_stays_open(rows: dict[str, Any], closed: dict[str, Any], sandbox: Sandbox) -> None:
    client = person()
    for name in model_admins():
        change = reverse(f"admin:pandabase_{name}_change", args=[closed[name].pk])
        assert client.get(change, follow=True).status_code == 200, name
    assert Order.objects.count() == 2
