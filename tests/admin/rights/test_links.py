"""No page links to one that its reader may not open."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import reverse

from tests.admin.conftest import Login
from tests.admin.rights.enumeration import model_admins

pytestmark = pytest.mark.django_db


def addresses(page: str) -> set[str]:
    return set(map(unescape, re.findall(r'href="(/admin/[^"#]*)"', page)))


def test_no_page_links_to_one_that_its_reader_may_not_open(
    rows: dict[str, Any], login: Login
) -> None:
    wrong, linked = [], 0
    for name in model_admins():
        client = login(f"view_{name}")
        for page in (
            reverse(f"admin:pandabase_{name}_changelist"),
            reverse(f"admin:pandabase_{name}_change", args=[rows[name].pk]),
        ):
            for address in addresses(client.get(page, follow=True).content.decode()):
                linked += 1
                if client.get(address).status_code == 403:
                    wrong.append((page, address))
    assert linked > 100
    assert wrong == []


@pytest.mark.urls("tests.admin.sites.no_orders_urls")
def test_no_page_links_to_a_row_that_a_rule_hides(rows: dict[str, Any], login: Login) -> None:
    client = login(superuser=True)
    order = reverse("admin:pandabase_order_change", args=[rows["order"].pk])
    assert client.get(order).status_code != 200
    for name in ("refund", "dispute", "license", "purchase"):
        page = reverse(f"admin:pandabase_{name}_change", args=[rows[name].pk])
        assert order not in addresses(client.get(page).content.decode()), name


def test_under_asgi_the_person_is_known_where_the_page_is_rendered(
    rows: dict[str, Any], login: Login
) -> None:
    browser = AsyncClient()
    browser.cookies = login("view_refund").cookies
    page = reverse("admin:pandabase_refund_change", args=[rows["refund"].pk])
    shown = async_to_sync(browser.get)(page).content.decode()
    assert rows["refund"].pk in shown
    assert not [one for one in addresses(shown) if "/order/" in one]
