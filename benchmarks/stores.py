"""The admin of a shop with many stores: each page's queries, time and size.

PostgreSQL or SQLite. The rows are invented, and those of an earlier measure are used again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, setup_test_environment
from django.urls import reverse
from django.utils import timezone

from benchmarks.figures import Row
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    Order,
    Product,
    Store,
    SyncCursor,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.models.sync import Resource
from pandabase_django.services.tokens.connection import add_token
from tests.admin.rows import row_of

__all__ = ["measure_stores"]

MOST_QUERIES, MOST_MS, MOST_KIB = 20, 300, 300
TIMES = 5
BATCH = 2_000
EACH_STORE = 10  # products, and orders
FAILED_OF = 50  # one of so many stores has a run that failed
OVERVIEW = "/admin/pandabase/store/overview/"


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was answered; times are medians."""

    name: str
    queries: int
    milliseconds: float
    processor_ms: float
    kib: float

    @property
    def over(self) -> str:
        """What is above its aim; "" when nothing is."""
        pairs = (
            ("queries", self.queries, MOST_QUERIES),
            ("ms", self.milliseconds, MOST_MS),
            ("KiB", self.kib, MOST_KIB),
        )
        return ", ".join(f"{figure:.0f} {what}" for what, figure, most in pairs if figure > most)

    def __str__(self) -> str:
        return (
            f"{self.name:58.58} {self.queries:3} queries {self.milliseconds:6.0f} ms "
            f"({self.processor_ms:5.0f} of processor) {self.kib:6.0f} KiB {self.over and 'OVER'}"
        )


def measure_stores(options: argparse.Namespace) -> list[Row]:
    """Overview, lists with each filter, one row of each model, and the pages that add."""
    call_command("migrate", verbosity=0)
    if SyncRun.objects.count() < options.runs or Store.objects.count() < options.stores:
        _fill(options.stores, options.runs, options.runs // 2)
    pages = []
    for name, url in _addresses():
        pages.append(_page(name, url))
        print(f"  {pages[-1]}", file=sys.stderr)
    over = [page for page in pages if page.over]
    most = {key: max(getattr(page, key) for page in pages) for key in ("queries", "kib")}
    slowest = max(pages, key=lambda page: page.milliseconds)
    return [
        Row(
            f"{len(pages)} pages of the admin, {Store.objects.count():,} stores, "
            f"{SyncRun.objects.count():,} runs ({connection.vendor})",
            f"at most {most['queries']} queries, {most['kib']:.0f} KiB; slowest "
            f"{slowest.milliseconds:.0f} ms ({slowest.name}); over: "
            + ("; ".join(f"{page.name} ({page.over})" for page in over) or "none"),
            f"≤ {MOST_QUERIES} queries, {MOST_MS} ms, {MOST_KIB} KiB",
            not over,
        )
    ]


_browser = Client()


def _addresses() -> Iterator[tuple[str, str]]:
    setup_test_environment()  # gives the context of what was rendered
    user, _ = get_user_model().objects.get_or_create(
        username="bench", is_staff=True, is_superuser=True
    )
    _browser.force_login(user)
    request = RequestFactory().get("/")
    request.user = user
    yield "index", reverse("admin:index")
    yield "overview", OVERVIEW
    yield "overview: sales", f"{OVERVIEW}sales/"
    yield "months of the books", reverse("admin:pandabase_ledgerentry_books")
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "pandabase":
            continue
        name = str(model._meta.model_name)
        url = reverse(f"admin:pandabase_{name}_changelist")
        yield f"{name}: list", url
        yield f"{name}: search", f"{url}?q=shp_0001"
        yield from _filters(name, url)
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield (
                f"{name}: one row",
                reverse(f"admin:pandabase_{name}_change", args=[quote(row.pk)]),
            )
        if model_admin.has_add_permission(request):
            yield f"{name}: add", reverse(f"admin:pandabase_{name}_add")


def _filters(name: str, url: str) -> Iterator[tuple[str, str]]:
    """Each choice of each filter; of stores the first one."""
    context = _browser.get(url).context
    changelist = context.get("cl") if context else None
    for spec in changelist.filter_specs if changelist else ():
        choices = [
            choice
            for choice in spec.choices(changelist)
            if not choice.get("selected") and choice.get("query_string")
        ]
        for choice in choices[:1] if "?store=" in str(choices[:1]) else choices:
            yield f"{name}: {spec.title} = {choice['display']}", url + str(choice["query_string"])


def _page(name: str, url: str) -> Page:
    answer = _browser.get(url)  # what Django loads once is not the page's
    while answer.status_code == 302:
        answer = _browser.get(answer.url)
    assert answer.status_code == 200, (url, answer.status_code)
    with CaptureQueriesContext(connection) as captured:
        _browser.get(url)
    queries = len(captured)  # the next request empties Django's list
    wall, processor = [], []
    for _ in range(TIMES):
        began = time.perf_counter(), time.process_time()
        _browser.get(url)
        wall.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    milliseconds, of_processor = median(wall) * 1000, median(processor) * 1000
    return Page(name, queries, milliseconds, of_processor, len(answer.content) / 1024)


def _fill(stores: int, runs: int, deliveries: int) -> None:
    call_command("flush", interactive=False, verbosity=0)
    with transaction.atomic():
        names = [f"shp_{number:04}" for number in range(stores)]
        for number, pk in enumerate(names):
            add_token(
                store_id=pk,
                mode="HMAC",
                secret=Secret(f"sk_bench_{number}"),
                token_id=f"stk_{number}",
                permissions=("PRODUCTS_READ", "ORDERS_READ", "CATEGORIES_READ"),
                test=False,
            )
            Store.objects.filter(pk=pk).update(title=f"Shop number {number}")
        # A row of everything else, so that each model has a page to look at.
        shown = Store.objects.get(pk=names[0])
        for model in admin.site._registry:
            if model._meta.app_label == "pandabase" and model not in _FILLED:
                row_of(model, store=shown, mark="bench")
    for model, rows in (
        (SyncCursor, _cursors(names)),
        (WebhookEndpoint, _endpoints(names)),
        (Product, _products(names)),
        (Order, _orders(names)),
        (SyncRun, _runs(names, runs)),
    ):
        _write(model, rows)
    _write(WebhookDelivery, _deliveries(deliveries))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


_FILLED = (Store, SyncRun, WebhookEndpoint, WebhookDelivery, Product, Order)


def _write(model: Any, rows: Iterable[Any]) -> None:
    began = time.monotonic()
    with transaction.atomic():
        written = model.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    print(
        f"  {len(written):,} x {model.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr
    )


def _cursors(names: list[str]) -> Iterator[SyncCursor]:
    now = timezone.now()
    for pk in names:
        for resource in Resource.values:
            yield SyncCursor(
                store_id=pk, resource=resource, first_completed_at=now, last_completed_at=now
            )


def _endpoints(names: list[str]) -> Iterator[WebhookEndpoint]:
    for number, pk in enumerate(names):
        yield WebhookEndpoint(
            store_id=pk, label=f"Endpoint {number}", registration="REGISTERED", remote_id=f"wh_{pk}"
        )


def _products(names: list[str]) -> Iterator[Product]:
    now = timezone.now()
    for store, pk in enumerate(names):
        for number in range(EACH_STORE):
            yield Product(
                id=f"prd_{store:04}{number:02}",
                store_id=pk,
                title=f"Product {number}",
                status="ACTIVE",
                price_minor=1000,
                currency="USD",
                first_seen_at=now,
                synced_at=now,
            )


def _orders(names: list[str]) -> Iterator[Order]:
    now = timezone.now()
    for store, pk in enumerate(names):
        for number in range(EACH_STORE):
            yield Order(
                id=f"ord_{store:04}{number:02}",
                store_id=pk,
                order_number=f"{store}-{number}",
                status="COMPLETED",
                amount_minor=1000,
                currency="USD",
                created_at=now - timedelta(days=number),
                first_seen_at=now,
                synced_at=now,
            )


def _runs(names: list[str], count: int) -> Iterator[SyncRun]:
    """Of each store and resource in turn; some stores' last ones failed, some are under way."""
    began = timezone.now() - timedelta(days=80)
    step = timedelta(days=80) / count
    resources = Resource.values
    for number in range(count):
        at = began + number * step
        left, store = count - number, number % len(names)
        state = SyncRun.State.COMPLETED
        if left <= len(names) and store % FAILED_OF == 0:
            state = SyncRun.State.FAILED
        elif left <= len(names) and store % FAILED_OF == 1:
            state = SyncRun.State.RUNNING
        yield SyncRun(
            store_id=names[store],
            resource=resources[number // len(names) % len(resources)],
            state=state,
            trigger=SyncRun.Trigger.SCHEDULE,
            started_at=at,
            heartbeat_at=at,
            finished_at=None if state == SyncRun.State.RUNNING else at,
            requests=6,
            error="HTTP 500" if state == SyncRun.State.FAILED else "",
        )


def _deliveries(count: int) -> Iterator[WebhookDelivery]:
    began = timezone.now() - timedelta(days=80)
    step = timedelta(days=80) / count
    endpoints = list(WebhookEndpoint.objects.order_by("pk").values_list("pk", flat=True))
    for number in range(count):
        at = began + number * step
        dead = number % 1_000 == 0
        yield WebhookDelivery(
            endpoint_id=endpoints[number % len(endpoints)],
            event_id=f"evt_{number}",
            event="PAYMENT_COMPLETED",
            event_at=at,
            received_at=at,
            order_id=f"ord_{number}",
            payload={"id": f"evt_{number}", "event": "PAYMENT_COMPLETED"},
            body_sha256="0" * 64,
            version="V2",
            key_reading="TEXT",
            state=WebhookDelivery.State.DEAD if dead else WebhookDelivery.State.PROCESSED,
            attempts=1,
            finished_at=at,
        )
