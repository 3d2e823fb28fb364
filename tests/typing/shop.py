"""A shop's code with mistakes. Each line that a checker must refuse says so; no other line may be.

``.ci/check_types.py`` has them checked against the wheel, by mypy with and without the plugin, and
by pyright.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import HttpRequest, JsonResponse

from pandabase_django.client import OPERATIONS, AsyncClient, Client, Page, params, schemas
from pandabase_django.models import Customer, Order, OrderItem, Product, Store
from pandabase_django.services import async_client_for, client_for


def cheapest(store: Store) -> schemas.Product | None:
    with client_for(store) as client:
        page: Page[schemas.Product] = client.products.list(status="ACTIVE", sort_by="price")
        found = [product for product in page if product.price_minor is not None]
        return min(found, key=lambda product: product.price_minor or 0, default=None)


def coupons(client: Client) -> Iterable[str]:
    body: params.CouponCreateBody = {"code": "SPRING", "type": "PERCENTAGE", "value": 20}
    body["minimumPurchase"] = 2000
    made = client.coupons.create(body, idempotency_key="spring-2026", timeout=5)
    client.coupons.update(made.id, {"enabled": False, "expiresAt": None})
    for coupon in client.coupons.iterate(page=3, enabled=True):
        yield coupon.code or ""


def money(client: Client, order_id: str) -> tuple[int, datetime | None]:
    refund = client.orders.refund(order_id, {"reason": "DUPLICATE"})
    listed = client.refunds.list(status="COMPLETED", limit=10)
    more: bool = listed.has_more
    return (refund.amount_minor or 0) + int(more), refund.created_at


def by_name(client: Client, order_id: str, name: str) -> object:
    client.request("orders_list", query={"status": "COMPLETED", "limit": 1}, timeout=2.5)
    client.request("product_update", params={"product_id": "prd_1"}, body={"price": 1900})
    client.request(OPERATIONS[name])
    reply = client.request("order_get", params={"order_id": order_id})
    return reply.headers["X-Request-ID"], reply.request_id, reply.data


def usage(client: Client) -> int:
    client.usage.list(subscription_id="sub_1", from_="2026-01-01T00:00:00Z")
    answer = client.usage.record("sub_1", [{"event_name": "calls", "quantity": 2}])
    return answer.accepted


async def stock(request: HttpRequest, store: Store) -> JsonResponse:
    async with async_client_for(store) as client:
        first: str = (await client.products.get("prd_1")).id
        ids = [order.id async for order in client.orders.iterate(sort="asc")]
        await client.request("store_get")
    return JsonResponse({"first": first, "ids": ids})


def fields(order: Order, customer: Customer) -> list[str]:
    total: int | None = order.total_minor
    at: datetime | None = order.created_at
    customer_id: str | None = order.customer_id
    names = [item.name for item in order.items.live()]
    lines: list[OrderItem] = list(order.items.filter(quantity__gt=1))
    paid: Order | None = Order.objects.paid().filter(currency="USD").first()
    others = customer.orders.paid().count()
    on_sale: list[Product] = list(Product.objects.on_sale().order_by("title"))
    store: str = order.store.pk
    return [*names, f"{total} {at} {customer_id} {lines} {paid} {others} {on_sale}", store]


async def wrong_coroutines(client: AsyncClient) -> None:
    await client.products.list(statuses="ACTIVE")  # wrong: the name of a filter
    await client.request("orderget", params={"order_id": "ord_1"})  # wrong: an operation


def wrong(client: Client, order: Order) -> None:
    client.products.list(statuses="ACTIVE")  # wrong: 1, the name of a filter
    client.products.list(status="ACTIV")  # wrong: 2, the value of a filter
    client.request("orders_get")  # wrong: 3, the name of an operation
    client.request("order_get", params={"id": "ord_1"})  # wrong: 4, what the path names
    client.coupons.create({"code": "A1", "type": "FIXED", "amount": 5})  # wrong: 5, a key of a body
    client.request(
        "case_update", params={"case_id": "c"}, body={"state": "OPEN"}
    )  # wrong: 6, a key
    client.products.create(
        {"title": "A", "productType": "LICENSE_KEY", "price": "1"}
    )  # wrong: 7, text
    client.orders.refund("ord_1", {"amount": 500})  # wrong: 8, an amount in a refund
    _ = order.total_minor + 1  # wrong: a field that may be empty
    _ = order.item  # wrong: the name of a relation
    Order.objects.payed()  # wrong: a method of the manager
