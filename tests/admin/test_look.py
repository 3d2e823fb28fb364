"""What a page shows first, what it leaves out, and how it writes a time."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from pandabase_django.models import Category, Coupon, Customer, Order, OrderItem, Product
from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins

pytestmark = pytest.mark.django_db

OTHER_FORMATS = re.compile(r">\s*(\d{4}-\d{2}-\d{2} \d{2}:\d{2}|\d{2}/\d{2}/\d{4} )")


@pytest.fixture
def client(login: Login) -> Client:
    return login(superuser=True)


def test_an_order_begins_with_its_items_and_leaves_out_what_is_empty(
    client: Client, rows: dict[str, Any]
) -> None:
    order = rows["order"]
    Order.objects.filter(pk=order.pk).update(discount_code="", card_brand="", card_last_four="")
    item = OrderItem.objects.create(
        pk="itm_first",
        store=order.store,
        order=order,
        name="The first line",
        first_seen_at=order.first_seen_at,
        synced_at=order.synced_at,
    )
    url = reverse("admin:pandabase_order_change", args=[order.pk])
    text = client.get(url).content.decode()
    assert text.index(item.name) < text.index("Amount:") < text.index("Payment status:")
    assert "Discount code:" not in text
    assert "Card:" not in text
    assert "Tax:" in text
    Order.objects.filter(pk=order.pk).update(discount_code="SPRING")
    assert "Discount code:" in client.get(url).content.decode()


def test_no_page_writes_a_time_in_another_format(client: Client, rows: dict[str, Any]) -> None:
    for name in model_admins():
        for url in (
            reverse(f"admin:pandabase_{name}_changelist"),
            reverse(f"admin:pandabase_{name}_change", args=[rows[name].pk]),
        ):
            text = client.get(url, follow=True).content.decode()
            assert OTHER_FORMATS.findall(text) == [], url


def listed(client: Client, name: str, query: str = "") -> str:
    url = reverse(f"admin:pandabase_{name}_changelist")
    return html.unescape(client.get(f"{url}{query}", follow=True).content.decode())


def test_an_empty_list_says_where_its_rows_come_from(client: Client) -> None:
    for name, model_admin in model_admins().items():
        text = str(getattr(model_admin, "when_empty", "")) or "There is no store yet."
        assert text in listed(client, name), name


def test_a_list_says_so_only_if_it_has_no_rows_at_all(client: Client, rows: dict[str, Any]) -> None:
    for name, model_admin in model_admins().items():
        if text := str(getattr(model_admin, "when_empty", "")):
            assert text not in listed(client, name), name
    assert str(model_admins()["order"].when_empty) not in listed(client, "order", "?q=nothing")


def test_what_has_no_name_is_led_to_by_its_id(client: Client, rows: dict[str, Any]) -> None:
    Customer.objects.update(email="")
    Product.objects.update(title="")
    Category.objects.update(name="")
    Coupon.objects.update(code="")
    Order.objects.update(order_number="")
    names = [name for name in model_admins() if str(rows[name].pk) in listed(client, name)]
    assert len(names) > 5
    for name in names:
        url = reverse(f"admin:pandabase_{name}_change", args=[quote(str(rows[name].pk))])
        (text,) = re.findall(rf'<a href="{re.escape(url)}[^"]*">(.*?)</a>', listed(client, name))
        assert not re.sub(r"<[^>]+>", " ", text).strip().startswith("-"), name
