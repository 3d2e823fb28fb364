"""Asks for the admin's pages of a large store, and PostgreSQL how it answers their queries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_test_environment
from django.urls import reverse

from pandabase_django.models import Customer, Order

__all__ = ["LARGE", "Page", "look_at"]

# Tables that grow with the store; a sequential scan of one of these is told.
LARGE = (
    "pandabase_order",
    "pandabase_orderitem",
    "pandabase_customer",
    "pandabase_rowchange",
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was answered.

    Attributes:
        name: What was looked at.
        queries: How many it took.
        scans: Tables that a query read through.
        milliseconds: Until it was rendered.
    """

    name: str
    queries: int
    scans: tuple[str, ...]
    milliseconds: float


def look_at() -> Iterator[Page]:
    """Look at the lists of orders and customers: plain, searched, and by every filter offered."""
    setup_test_environment()  # gives the context of what was rendered
    user, _ = get_user_model().objects.get_or_create(
        username="bench", is_staff=True, is_superuser=True
    )
    browser = Client()
    browser.force_login(user)
    order = Order.objects.select_related("customer").filter(customer__isnull=False)[1000]
    customer = order.customer
    assert isinstance(customer, Customer)
    pages = {
        "orders": "pandabase_order_changelist",
        "customers": "pandabase_customer_changelist",
    }
    for name, view in pages.items():
        url = reverse(f"admin:{view}")
        answer = browser.get(url)
        yield _page(browser, name, url)
        yield _page(browser, f"{name}, page 5", f"{url}?p=5")
        yield _page(browser, f"{name}, a search without a hit", f"{url}?q=nothing-like-it")
        yield _page(browser, f"{name}, search by e-mail", f"{url}?q={customer.email}")
        row = order if name == "orders" else customer
        yield _page(browser, f"{name}, search by id", f"{url}?q={row.pk}")
        if name == "orders":
            yield _page(browser, "orders, search by number", f"{url}?q={order.order_number}")
        changelist = answer.context["cl"]
        for spec in changelist.filter_specs:
            for choice in spec.choices(changelist):
                if not choice["selected"] and choice.get("query_string"):
                    title = f"{name}, filter {spec.title}: {choice['display']}"
                    yield _page(browser, title, url + str(choice["query_string"]))
        yield _page(
            browser,
            f"one of the {name}",
            reverse(f"admin:{view.replace('changelist', 'change')}", args=[row.pk]),
        )
    yield _page(browser, "the admin's index", reverse("admin:index"))


def _page(browser: Client, name: str, url: str) -> Page:
    browser.get(url)  # what Django loads once is not the page's
    with CaptureQueriesContext(connection) as captured:
        start = time.perf_counter()
        answer = browser.get(url)
        seconds = time.perf_counter() - start
    assert answer.status_code == 200, (url, answer.status_code)
    scans: set[str] = set()
    for query in captured.captured_queries:
        if query["sql"].startswith(("SELECT", "WITH")):
            scans.update(_scanned(query["sql"]))
    return Page(name, len(captured), tuple(sorted(scans)), seconds * 1000)


def _scanned(sql: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.replace('%', '%%')}", [])
        (plan,) = cursor.fetchone()
    tree = json.loads(plan) if isinstance(plan, str) else plan
    yield from _walk(tree[0]["Plan"])


def _walk(node: dict[str, Any]) -> Iterator[str]:
    """Tables read through: by a sequential scan, or by a scan of a whole index."""
    table, kind = node.get("Relation Name", ""), node["Node Type"]
    # A partial index holds few rows by design: those that are due.
    whole = "Index Cond" not in node and node.get("Index Name") != "pandabase_order_dirty"
    if table in LARGE and kind in _SCANS and whole and not _is_limited(node):
        yield f"{table} ({kind.lower()})"
    limits = kind == "Limit" or (node.get("Limited") and kind in _STREAMING)
    for child in node.get("Plans", ()):
        yield from _walk({**child, "Limited": True} if limits else child)


_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan")
_STREAMING = ("Nested Loop", "Result", "Subquery Scan", "Memoize")


ROWS_THROWN_AWAY = 100  # two pages of a list: a filter that most rows pass throws few away


def _is_limited(node: dict[str, Any]) -> bool:
    """Read in the order wanted, and hardly further than the page needs."""
    thrown_away = node.get("Rows Removed by Filter", 0)
    return bool(node.get("Limited")) and thrown_away <= ROWS_THROWN_AWAY
