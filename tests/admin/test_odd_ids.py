"""Orders and products with ids of any form: every page, link, button, search and export works."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from pandabase_django.models import (
    ApiToken,
    Customer,
    Order,
    OrderItem,
    Product,
    RowChange,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.tasks import refresh_row
from tests.admin.conftest import Login

pytestmark = [pytest.mark.thorough, pytest.mark.django_db]

ODD = (
    "ord:1",
    "ord 1",
    "ord/../x",
    "ord+1=",
    "örd",
    "o'r\"d",
    "%2F",
    "a%252Fb",
    "_2F_5F",
    '<b>&amp;"x"</b>',
    "a/change/",
    "add",
    "export",
    "...",
    "?q=1#x",
    "a\\b;c,d",
    "{{ 1 }}{% x %}",
    "=1+1",
    "日本",
    "x" * 128,
)
TOO_LONG = "y" * 200
# Each in one language; ``make soak-admin`` crosses them.
IN_LANGUAGES = [("order", "en"), ("product", "de")]
if os.environ.get("PANDABASE_SOAK_LANGUAGES"):
    IN_LANGUAGES += [("order", "de"), ("product", "en")]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=9, products=60, orders=60) as running:
        for kind in ("order", "product"):
            for index, name in enumerate((*ODD, TOO_LONG)):
                running.change([{"op": f"rename_{kind}", "index": index, "to": name}])
        yield running


@pytest.fixture
def client(mirrored: ApiToken, login: Login) -> Client:
    """Someone who may do everything, in a store of which each row has been changed once."""
    for model, name in ((Order, "order"), (Product, "product")):
        for pk in model.objects.filter(pk__in=ODD).values_list("pk", flat=True):
            RowChange.objects.create(
                store=mirrored.store,
                model_name=name,
                row_id=pk,
                kind="CHANGED",
                run=SyncRun.objects.first(),
                at=timezone.now(),
            )
    return login(superuser=True)


def url(page: str, *pk: str) -> str:
    return reverse(f"admin:pandabase_{page}", args=[quote(each) for each in pk])


def text_of(client: Client, address: str, language: str = "en") -> str:
    answer = client.get(address, headers={"accept-language": language})
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def links_in(page: str) -> set[str]:
    """Addresses that a person may follow from a page of the admin."""
    found = {unescape(link) for link in re.findall(r'<a [^>]*?href="(/[^"]+)"', page)}
    return {link for link in found if "/pandabase/" in link}


@pytest.mark.parametrize(("kind", "language"), IN_LANGUAGES)
def test_each_page_of_a_row_and_all_that_it_leads_to_can_be_opened(
    client: Client, kind: str, language: str
) -> None:
    opened: set[str] = set()
    for pk in ODD:
        page = text_of(client, url(f"{kind}_change", pk), language)
        assert f"<code>{escape(pk)}</code>" in page
        history = text_of(client, url(f"{kind}_history", pk), language)
        assert f"<code>{escape(pk)}</code>" in history
        assert url(f"{kind}_change", pk) in links_in(history)
        links = links_in(page)
        assert url(f"{kind}_history", pk) in links
        for link in links - opened:
            text_of(client, link, language)
        opened |= links


@pytest.mark.parametrize(("kind", "language"), IN_LANGUAGES)
def test_lists_lead_to_each_row_and_find_it(client: Client, kind: str, language: str) -> None:
    places = links_in(text_of(client, url(f"{kind}_changelist"), language))
    places |= links_in(text_of(client, url(f"{kind}_changelist") + "?p=2", language))
    addresses = {place.partition("?")[0] for place in places}
    assert addresses >= {url(f"{kind}_change", pk) for pk in ODD}
    for pk in ODD:
        found = text_of(client, f"{url(f'{kind}_changelist')}?{urlencode({'q': pk})}", language)
        # The search goes along to the row's page, and leads back from there.
        (link,) = [
            each for each in links_in(found) if each.startswith(url(f"{kind}_change", pk) + "?")
        ]
        assert f"<code>{escape(pk)}</code>" in text_of(client, link, language)
        for name in ("status", "store", "id", "gone", "dirty"):
            filtered = client.get(url(f"{kind}_changelist"), {name: pk})
            assert filtered.status_code in (200, 302)


@pytest.mark.parametrize("kind", ["order", "product"])
def test_each_row_is_exported(client: Client, kind: str) -> None:
    ids = {row["id"].removeprefix("'") for row in exported(client, kind)}
    assert ids >= set(ODD)
    for pk in ODD:
        assert pk in {row["id"].removeprefix("'") for row in exported(client, kind, q=pk)}


@pytest.mark.parametrize("kind", ["order", "product"])
def test_refresh_this_one_reads_the_row_again(
    client: Client, kind: str, broker: Any, django_capture_on_commit_callbacks: Any
) -> None:
    model = Order if kind == "order" else Product
    for pk in ODD:
        address = url(f"{kind}_refresh", pk)
        page = text_of(client, url(f"{kind}_change", pk))
        assert f'action="{escape(address)}"' in page
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(address)
        assert answer.headers["Location"] == url(f"{kind}_change", pk)
        args, kwargs, _ = broker().payload
        assert args == [kind, pk]
        model.objects.filter(pk=pk).update(payload={}, digest="", updated_at=None)
        refresh_row(*args, **kwargs)
        assert model.objects.get(pk=pk).payload["id"] == pk


def test_an_order_leads_to_its_product_and_a_product_to_its_orders(client: Client) -> None:
    orders, products = Order.objects.filter(pk__in=ODD), Product.objects.filter(pk__in=ODD)
    for order, product in zip(orders, products, strict=True):
        item = OrderItem.objects.filter(order=order).first()
        assert item is not None
        OrderItem.objects.filter(pk=item.pk).update(product_id=product.pk)
        links = links_in(text_of(client, url("order_change", order.pk)))
        assert url("product_change", product.pk) in links
        links = links_in(text_of(client, url("product_change", product.pk)))
        assert url("order_change", order.pk) in links


def test_a_delivery_leads_to_its_order(client: Client, mirrored: ApiToken) -> None:
    endpoint = WebhookEndpoint.objects.create(store=mirrored.store, label="Main")
    for number, pk in enumerate(ODD):
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event_id=f"evt_{number}",
            event="PAYMENT_COMPLETED",
            order_id=pk,
            payload={},
            received_at=timezone.now(),
        )
        page = url("webhookdelivery_change", str(delivery.pk))
        assert url("order_change", pk) in links_in(text_of(client, page))
        deliveries = url("webhookdelivery_changelist")
        found = text_of(client, f"{deliveries}?{urlencode({'q': pk})}")
        assert url("order_change", pk) in links_in(found)


@pytest.mark.parametrize(("kind", "language"), IN_LANGUAGES)
def test_an_id_that_is_too_long_is_named_by_its_run_and_has_no_page(
    client: Client, mirrored: ApiToken, kind: str, language: str
) -> None:
    model = Order if kind == "order" else Product
    assert not model.objects.filter(pk__startswith="y" * 100).exists()
    resource = f"{kind}s"
    run = sync_resource(mirrored.store, resource=resource, trigger=SyncRun.Trigger.COMMAND).run
    assert "longer than 128 characters" in text_of(
        client, url("syncrun_change", str(run.pk)), language
    )
    for part in ("change", "history", "refresh"):
        assert client.get(url(f"{kind}_{part}", TOO_LONG)).status_code in (302, 403, 404, 405)


def exported(client: Client, kind: str, **filters: str) -> list[dict[str, str]]:
    answer: Any = client.get(url(f"{kind}_export"), filters)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_customer_of_any_id_leads_to_its_orders(client: Client, token: ApiToken) -> None:
    now = timezone.now()
    seen: dict[str, Any] = {"store": token.store, "first_seen_at": now, "synced_at": now}
    customer = Customer.objects.create(pk="cus&q=1#x", **seen)
    Order.objects.create(pk="ord_of_odd", order_number="odd", customer=customer, **seen)
    page = client.get(reverse("admin:pandabase_customer_change", args=[quote(customer.pk)]))
    (link,) = re.findall(r'href="([^"]*customer__id__exact[^"]*)"', page.content.decode())
    found = client.get(unescape(link)).context["cl"].result_list
    assert [order.pk for order in found] == ["ord_of_odd"]
