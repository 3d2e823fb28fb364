"""Every admin page: who may open it, what it shows, and what it must not."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.models import (
    ApiToken,
    Category,
    Customer,
    Order,
    OrderItem,
    Product,
    RowChange,
    Store,
    SyncRun,
    TokenPermission,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins
from tests.admin.rows import row_of

pytestmark = pytest.mark.django_db

MIRRORS = [Product, Category, Order, Customer, SyncRun]


def url(model: type, page: str, *arguments: Any) -> str:
    # As the admin's own links do it: the underscores of our ids are quoted.
    quoted = [quote(argument) for argument in arguments]
    return reverse(f"admin:pandabase_{model._meta.model_name}_{page}", args=quoted)  # type: ignore[attr-defined]


def first(model: Any) -> Any:
    return model.objects.order_by("pk").first()


class Sent(HTMLParser):
    """What a browser sends for the fields of a form as they were shown."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self._select = self._text = ""
        for field in page.context["adminform"].form:
            self.feed(str(field))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        of = dict(attrs)
        name, value = of.get("name", ""), of.get("value", "")
        if tag == "input" and (of["type"] not in ("checkbox", "radio") or "checked" in of):
            self.data.setdefault(name, []).append(value)
        elif tag == "option" and "selected" in of:
            self.data[self._select] = [value]
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._text = name
            self.data[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._text:
            self.data[self._text][0] += data.lstrip("\n")

    def handle_endtag(self, tag: str) -> None:
        self._text = "" if tag == "textarea" else self._text


def test_a_tab_opened_earlier_undoes_nothing(rows: dict[str, Any], login: Login) -> None:
    store, endpoint, token = (rows[name] for name in ("store", "webhookendpoint", "apitoken"))
    TokenPermission.objects.filter(token=token).delete()
    declared = TokenPermission.objects.create(token=token, code="REFUNDS_WRITE", declared=True)
    until = timezone.now() + timedelta(days=30)
    WebhookEndpoint.objects.update(event_types=["PAYMENT_COMPLETED"])
    before: dict[Any, dict[str, Any]] = {
        store: {"enabled": True, "mark": "TEST"},
        endpoint: {"enabled": True, "v1_allowed_until": until},
        token: {"rotate_after_days": None},
    }
    after: dict[Any, dict[str, Any]] = {
        store: {"enabled": False, "mark": "LIVE"},
        endpoint: {"enabled": False, "v1_allowed_until": None},
        token: {"rotate_after_days": 30},
    }
    typed = {store: "note", endpoint: "label", token: "name"}
    client = login(superuser=True)
    for row, values in before.items():
        type(row).objects.filter(pk=row.pk).update(**values)
        TokenPermission.objects.update(declared=True)
        sent = Sent(client.get(url(type(row), "change", str(row.pk)))).data
        type(row).objects.filter(pk=row.pk).update(**after[row])
        TokenPermission.objects.update(declared=False)
        answer = client.post(
            url(type(row), "change", str(row.pk)), {**sent, typed[row]: ["Typed late"]}
        )
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        row.refresh_from_db()
        saved = {name: getattr(row, name) for name in (typed[row], *values)}
        assert saved == {typed[row]: "Typed late", **after[row]}
        declared.refresh_from_db()
        assert not declared.declared
    # Without what the page showed, as a shop's own page may send it, all that is sent is saved.
    Store.objects.update(enabled=True)
    client.post(url(Store, "change", store.pk), {"mark": "TEST", "note": "Typed late"})
    assert not Store.objects.get().enabled


@pytest.mark.parametrize("model", [*MIRRORS, ApiToken], ids=lambda m: m.__name__)
def test_pages_open_for_viewers_alone(mirrored: ApiToken, login: Login, model: Any) -> None:
    pages = [url(model, "changelist"), url(model, "change", first(model).pk)]
    viewer = login(f"view_{model._meta.model_name}")
    for page in pages:
        assert Client().get(page).status_code == 302
        assert login(staff=False).get(page).status_code == 302
        assert login().get(page).status_code == 403
        assert viewer.get(page).status_code == 200
        assert login(superuser=True).get(page).status_code == 200
        assert viewer.get(page + "?q=x&gone=yes").status_code in (200, 302)


@pytest.mark.parametrize("model", MIRRORS, ids=lambda m: m.__name__)
def test_not_even_a_superuser_changes_a_mirror(
    mirrored: ApiToken, login: Login, model: Any
) -> None:
    client, row = login(superuser=True), first(model)
    before = model.objects.filter(pk=row.pk).values().get()
    for page, arguments in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        assert client.post(url(model, page, *arguments), {"status": "HACKED"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    client.post(url(model, "changelist"), chosen)
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", [Product, Order, Customer, SyncRun], ids=lambda m: m.__name__)
def test_a_list_costs_the_same_at_five_rows_as_at_fifty(
    mirrored: ApiToken, login: Login, model: Any
) -> None:
    client = login(superuser=True)
    if model is SyncRun:
        for _ in range(55):
            run = SyncRun.objects.order_by("pk")[0]
            run.pk = None
            run.save(force_insert=True)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(url(model, "changelist")).status_code == 200
        return len(captured)

    many = queries()
    for row in model.objects.order_by("pk")[5:]:
        model.objects.filter(pk=row.pk).delete()
    assert model.objects.count() == 5
    assert queries() == many


def test_an_order_page_costs_the_same_with_one_item_as_with_forty(
    mirrored: ApiToken, login: Login
) -> None:
    client, order = login(superuser=True), first(Order)
    item = OrderItem.objects.filter(order=order)[0]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(Order, "change", order.pk)).status_code == 200
        return len(captured)

    queries()  # warms Django's own caches
    few = queries()
    for number in range(40):
        item.pk = f"itm_{number}"
        item.save(force_insert=True)
    assert queries() == few


def test_a_list_filtered_by_store_shows_the_rows_of_that_store_alone(
    rows: dict[str, Any], login: Login
) -> None:
    client = login(superuser=True)
    other = Store.objects.create(pk="shp_other", title="Other shop")
    filtered = [each for each in model_admins().values() if StoreFilter in each.list_filter]
    assert filtered
    for model_admin in filtered:
        theirs = row_of(model_admin.model, store=other, mark="theirs")
        page = client.get(url(model_admin.model, "changelist") + f"?store={other.pk}")
        assert [row.pk for row in page.context["cl"].result_list] == [theirs.pk]


def test_pages_open_when_the_other_side_of_a_relation_is_missing(
    mirrored: ApiToken, login: Login
) -> None:
    client = login(superuser=True)
    Product.objects.all().delete()
    Customer.objects.all().delete()
    Category.objects.all().delete()
    order = Order.objects.exclude(customer_id=None)[0]
    product_id = OrderItem.objects.filter(order=order)[0].product_id
    page = client.get(url(Order, "change", order.pk)).content.decode()
    assert order.customer_id in page
    assert product_id in page
    assert client.get(url(Order, "changelist")).status_code == 200


def test_money_is_shown_with_its_currency(mirrored: ApiToken, login: Login) -> None:
    order = first(Order)
    Order.objects.filter(pk=order.pk).update(amount_minor=123456, currency="USD")
    page = login(superuser=True).get(url(Order, "change", order.pk)).content.decode()
    assert "1,234.56 USD" in page or "1234.56 USD" in page
    Order.objects.filter(pk=order.pk).update(currency="JPY")
    page = login(superuser=True).get(url(Order, "change", order.pk)).content.decode()
    assert "123,456 JPY" in page or "123456 JPY" in page


def test_what_the_remote_sent_is_escaped(mirrored: ApiToken, login: Login) -> None:
    evil = "<script>alert(1)</script>"
    Product.objects.update(title=evil, payload={"title": evil})
    client = login(superuser=True)
    for page in (url(Product, "changelist"), url(Product, "change", first(Product).pk)):
        assert evil not in client.get(page).content.decode()


def form(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    return {
        "store_id": sandbox.store_id,
        "name": "From the admin",
        "mode": "HMAC",
        "token_id": sandbox.hmac_token.token_id,
        "secret": sandbox.hmac_token.secret,
        "api_url": sandbox.url,
        "test": "on",
        "declared": ["PRODUCTS_READ", "ORDERS_READ"],
        "other": "NEW_THING_READ",
        **changes,
    }


def test_a_token_is_added_tested_and_its_secret_never_shown(
    db: None, sandbox: Sandbox, login: Login
) -> None:
    client = login("add_apitoken", "view_apitoken", "change_apitoken")
    assert client.get(url(ApiToken, "add")).status_code == 200
    answer = client.post(url(ApiToken, "add"), form(sandbox), follow=True)
    token = ApiToken.objects.get()
    assert (token.role, token.health, token.name) == ("ACTIVE", "OK", "From the admin")
    codes = set(token.permissions.filter(declared=True).values_list("code", flat=True))
    assert codes == {"PRODUCTS_READ", "ORDERS_READ", "NEW_THING_READ"}
    pages = [answer, client.get(url(ApiToken, "change", token.pk))]
    for page in pages:
        assert sandbox.hmac_token.secret not in page.content.decode()
    assert f"••••{sandbox.hmac_token.secret[-4:]}" in pages[1].content.decode()
    assert token.secret.sealed not in pages[1].content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret": "sk_test_wrong_secret_of_a_token"}, "HTTP 401"),
        ({"secret": " sk_with_a_space"}, "white space"),
        ({"store_id": "shop"}, "store id"),
        ({"token_id": ""}, "needs its token id"),
        ({"api_url": "http://example.com"}, "https"),
        ({"other": "not a code"}, "permission code"),
        ({"secret": ""}, "required"),
    ],
)
def test_a_form_that_is_refused_says_why_and_keeps_no_secret(
    db: None, sandbox: Sandbox, login: Login, changes: dict[str, Any], words: str
) -> None:
    data = form(sandbox, **changes)
    page = login(superuser=True).post(url(ApiToken, "add"), data).content.decode()
    assert words in page
    assert not data["secret"] or data["secret"] not in page
    assert not ApiToken.objects.exists()


def test_a_viewer_sees_no_form_and_changes_nothing(token: ApiToken, login: Login) -> None:
    viewer = login("view_apitoken")
    page = url(ApiToken, "change", token.pk)
    assert "••••" in viewer.get(page).content.decode()
    assert viewer.post(page, {"name": "mine"}).status_code == 403
    token.refresh_from_db()
    assert token.name == "Main"


def test_declared_permissions_are_edited_on_the_grid(token: ApiToken, login: Login) -> None:
    client = login(superuser=True)
    client.post(
        url(ApiToken, "change", token.pk),
        {"name": "Renamed", "declared": ["STORE_READ"], "other": "X_READ"},
    )
    token.refresh_from_db()
    assert token.name == "Renamed"
    declared = set(token.permissions.filter(declared=True).values_list("code", flat=True))
    assert declared == {"STORE_READ", "X_READ"}
    page = client.get(url(ApiToken, "change", token.pk)).content.decode()
    assert "Granted" in page
    assert "X_READ" in page


BUTTONS = [
    (ApiToken, "test", "test_apitoken"),
    (ApiToken, "disable", "change_apitoken"),
]


@pytest.mark.parametrize(("model", "name", "permission"), BUTTONS)
def test_a_button_needs_its_permission_a_post_and_csrf(
    token: ApiToken, login: Login, model: Any, name: str, permission: str
) -> None:
    target = url(model, name, token.pk)
    view = f"view_{model._meta.model_name}"
    assert Client().post(target).status_code == 302
    assert login().post(target).status_code == 403
    assert login(view).post(target).status_code == 403
    allowed = login(view, permission)
    assert allowed.get(target)["Location"] == url(model, "change", token.pk)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = allowed.cookies
    assert strict.post(target).status_code == 403
    assert allowed.post(target).status_code == 302


def test_a_disabled_token_takes_no_mirrored_row_with_it(mirrored: ApiToken, login: Login) -> None:
    counts = Order.objects.count(), Product.objects.count()
    client = login(superuser=True)
    client.post(url(ApiToken, "disable", mirrored.pk), {"sure": "on"})
    mirrored.refresh_from_db()
    assert mirrored.role == "RETIRED"
    assert (Order.objects.count(), Product.objects.count()) == counts
    assert client.post(url(ApiToken, "delete", mirrored.pk), {"post": "yes"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_sync_now_is_handed_to_the_workers(token: ApiToken, login: Login, broker: Any) -> None:
    target = url(Store, "sync", token.store_id)
    assert login("view_store").post(target).status_code == 403
    assert broker() is None
    answer = login("view_store", "run_sync").post(target, follow=True)
    messages = list(iter(broker, None))
    tasks = {message.headers["task"] for message in messages}
    assert tasks == {"pandabase.sync_products", "pandabase.sync_orders", "pandabase.sync_resource"}
    assert {tuple(message.payload[0]) for message in messages} == {(token.store_id,)}
    assert "handed to the workers" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_told_and_is_no_error_page(
    token: ApiToken, login: Login, dead_broker: None
) -> None:
    client = login("view_store", "run_sync")
    answer = client.post(url(Store, "sync", token.store_id), follow=True)
    assert answer.status_code == 200
    assert "The broker does not answer" in answer.content.decode()


def test_the_buttons_of_a_store_are_on_its_page(token: ApiToken, login: Login) -> None:
    target, page = url(Store, "sync", token.store_id), url(Store, "change", token.store_id)
    assert target in login("view_store", "run_sync").get(page).content.decode()
    assert target not in login("view_store").get(page).content.decode()


def test_what_wrote_a_row_is_a_link_for_who_may_open_it(login: Login) -> None:
    now = timezone.now()
    store = Store.objects.create(pk="shp_1")
    order = Order.objects.create(pk="ord_1", store=store, first_seen_at=now, synced_at=now)
    RowChange.objects.create(
        store_id=store.pk,
        model_name="order",
        row_id=order.pk,
        kind=RowChange.Kind.CREATED,
        at=now,
        delivery_id="7",
    )
    page = url(Order, "change", order.pk)
    delivery = url(WebhookDelivery, "change", "7")
    for codenames, is_link in (
        (["view_order"], False),
        (["view_order", "view_webhookdelivery"], True),
    ):
        shown = login(*codenames).get(page).content.decode()
        assert "Webhook delivery 7" in shown
        assert (delivery in shown) is is_link
