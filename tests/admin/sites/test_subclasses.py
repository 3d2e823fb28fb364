"""What shops change in our admin classes goes on working, and asks the database no more often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import isolate_apps
from django.utils import timezone

from pandabase_django.admin.actions.history import RemoteActionAdmin
from pandabase_django.admin.actions.pages import ACTIONS_SHOWN
from pandabase_django.admin.base.display import moment
from pandabase_django.admin.mirror.catalog import ProductAdmin
from pandabase_django.admin.mirror.orders import OrderAdmin
from pandabase_django.admin.mirror.recent import recent_orders
from pandabase_django.admin.mirror.subscriptions import SubscriptionAdmin
from pandabase_django.admin.people.erasures import ErasureAdmin
from pandabase_django.admin.tokens.token import ApiTokenAdmin
from pandabase_django.admin.webhooks.deliveries import WebhookDeliveryAdmin
from pandabase_django.models import (
    ApiToken,
    Erasure,
    Order,
    OrderItem,
    Product,
    RemoteAction,
    Store,
    Subscription,
    WebhookDelivery,
)
from tests.admin.rows import row_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def owners_request(rf: RequestFactory) -> Any:
    request = rf.get("/")
    request.user = User.objects.create_superuser("owner")
    return request


def test_the_user_of_a_subscription_may_stand_anywhere(owners_request: Any) -> None:
    class Own(SubscriptionAdmin):
        fieldsets = ((None, {"fields": ("id", "user")}),)
        list_display = (*SubscriptionAdmin.list_display, "user")

    row = row_of(Subscription, store=Store.objects.create(pk="shp_1"), mark="x")
    own = Own(Subscription, admin.site)
    for answer in (
        own.change_view(owners_request, row.pk),
        own.changelist_view(owners_request),
    ):
        assert answer.render().status_code == 200


def test_names_of_tokens_cost_no_query_for_each_wherever_django_lists_them(
    owners_request: Any, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        store = Store.objects.create(pk=f"shp_{number}", title=f"Shop {number}")
        row_of(ApiToken, store=store, mark=f"t{number}")
    rows = ApiTokenAdmin(ApiToken, admin.site).get_queryset(owners_request)
    with django_assert_num_queries(2):
        names = {str(token).rpartition(" · ")[2] for token in rows}
    assert names == {f"Shop {number}" for number in range(5)}


def test_a_list_whose_rows_name_stores_joins_what_it_says_too(
    owners_request: Any, django_assert_num_queries: Any
) -> None:
    """Here who erased; and a shop may take columns away."""
    for number in range(5):
        store = Store.objects.create(pk=f"shp_{number}")
        Erasure.objects.create(store=store, user=User.objects.create_user(f"person{number}"))
    own = ErasureAdmin(Erasure, admin.site)
    rows = list(own.get_changelist_instance(owners_request).result_list)
    with django_assert_num_queries(0):
        assert len({(str(row), own.by(row)) for row in rows}) == 5
    assert len(own.get_queryset(owners_request).only("begun_at", "store_id")) == 5


def test_panels_show_the_newest_rows_whatever_a_shops_lists_join_and_order(
    owners_request: Any,
) -> None:
    class OwnOrders(OrderAdmin):
        def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
            return super().get_queryset(request).select_related("store")

    class OwnActions(RemoteActionAdmin):
        ordering = ("asked_at",)

    site = admin.AdminSite("own")
    pages = {Order: OwnOrders, RemoteAction: OwnActions, Subscription: SubscriptionAdmin}
    for model, page in pages.items():
        site.register(model, page)
    store = Store.objects.create(pk="shp_1")
    order = row_of(Order, store=store, mark="x")
    (shown,) = recent_orders(site, owners_request, Order.objects.all())["orders"]
    assert shown.name == order.order_number
    row = row_of(Subscription, store=store, mark="x")
    asked = [
        RemoteAction.objects.create(
            store=store,
            what=RemoteAction.What.PAUSE,
            object_id=row.pk,
            state=RemoteAction.State.DONE,
            asked_at=timezone.now() - timedelta(days=days),
            closed_at=timezone.now(),
        )
        for days in range(ACTIONS_SHOWN + 1)
    ]
    panel = SubscriptionAdmin(Subscription, site).panel_context(owners_request, row)
    shown_at = [action["at"] for action in panel["asked_actions"]]
    assert shown_at == [moment(action.asked_at) for action in asked[:ACTIONS_SHOWN]]


@pytest.mark.postgres
def test_a_shops_rule_that_finds_an_order_twice_breaks_no_list_of_deliveries(
    owners_request: Any,
) -> None:
    class Own(OrderAdmin):
        def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
            return super().get_queryset(request).filter(items__position__gte=0)

    site = admin.AdminSite("own")
    site.register(Order, Own)
    store = Store.objects.create(pk="shp_1")
    order = row_of(Order, store=store, mark="x")
    item = row_of(OrderItem, store=store, mark="x")
    item.pk, item.position = "x_second", item.position + 1
    item.save(force_insert=True)
    row_of(WebhookDelivery, store=store, mark="x")
    WebhookDelivery.objects.update(order_id=order.pk)
    (shown,) = WebhookDeliveryAdmin(WebhookDelivery, site).get_queryset(owners_request)
    assert shown.order_status == order.status


def test_a_shops_filter_is_made_once_for_all_that_an_address_asks(owners_request: Any) -> None:
    made = []

    class Costly(admin.RelatedOnlyFieldListFilter):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(1)
            super().__init__(*args, **kwargs)

    class Own(OrderAdmin):
        list_filter = (("customer", Costly), *OrderAdmin.list_filter)

    own = Own(Order, admin.site)
    for lookup in ("customer__id__exact", "status__exact", "created_at__gte", "payload__x"):
        own.lookup_allowed(lookup, "x", owners_request)
    assert len(made) == 1


def test_a_shops_templates_come_before_ours() -> None:
    with isolate_apps("pandabase_django"):

        class Course(Product):
            class Meta:
                proxy = True
                app_label = "shop"

    assert ProductAdmin(Course, admin.site).change_list_template == [
        "admin/shop/course/change_list.html",
        "admin/shop/change_list.html",
        "admin/pandabase/change_list.html",
    ]
    # Ours are found by Django, so one for a single model of ours can be replaced as well.
    assert ProductAdmin(Product, admin.site).change_list_template is None
