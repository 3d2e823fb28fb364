"""The client in coroutines: the same calls, in an async view, and what a 401 means there."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient as Browser
from django.urls import path

from pandabase_django.api.aio.base import AsyncNamespace
from pandabase_django.api.resources.base import Namespace
from pandabase_django.client import AsyncClient, Client
from pandabase_django.exceptions import InvalidCredential, ObjectNotFound, TransportError
from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import async_client_for
from tests.api.operations import methods_of
from tests.api.wire.sending import client as sync_client
from tests.tokens.test_clients import refusals, roll

pytestmark = pytest.mark.django_db(transaction=True)


async def prices(request: HttpRequest) -> JsonResponse:
    store = await Store.objects.afirst()
    assert store is not None
    async with async_client_for(store) as client:
        first, coupon = await asyncio.gather(
            client.products.list(limit=3),
            client.coupons.create({"code": "ASYNC", "type": "FIXED", "value": 500}),
        )
        found = await asyncio.gather(*(client.products.get(one.id) for one in first))
    return JsonResponse({"prices": [one.price_minor for one in found], "coupon": coupon.code})


urlpatterns = [path("prices/", prices)]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 4, "products": 40, "orders": 25}


def inside(token: ApiToken, work: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    """What a coroutine comes to that was given a client of the store."""

    store = token.store

    async def opened() -> Any:
        async with async_client_for(store) as client:
            return await work(client)

    return async_to_sync(opened)()


@pytest.mark.urls(__name__)
def test_an_async_view_calls_several_things_at_once(token: ApiToken) -> None:
    answer = async_to_sync(Browser().get)("/prices/")
    assert answer.status_code == 200, answer
    shown = json.loads(answer.content)
    assert (len(shown["prices"]), shown["coupon"]) == (3, "ASYNC")
    codes = {row.code for row in token.permissions.filter(observed="GRANTED")}
    assert codes == {"STORE_READ", "PRODUCTS_READ", "COUPONS_WRITE"}


def test_lists_are_read_to_their_end_and_resumed(token: ApiToken) -> None:
    async def work(client: AsyncClient) -> tuple[list[str], list[int]]:
        ids = [order.id async for order in client.orders.iterate(limit=10, sort="asc")]
        numbers = [page.page async for page in client.orders.pages(page=2, limit=10)]
        return ids, numbers

    ids, numbers = inside(token, work)
    assert (len(set(ids)), numbers) == (25, [2, 3])


def test_a_reply_comes_by_the_name_of_the_operation(token: ApiToken) -> None:
    async def work(client: AsyncClient) -> Any:
        return await client.request("products_list", query={"limit": 1})

    assert inside(token, work).headers["x-request-id"]


def test_a_call_after_somebody_rotated_the_secret_is_sent_once_more(
    token: ApiToken, sandbox: Sandbox
) -> None:
    async def work(client: AsyncClient) -> None:
        await client.products.list(limit=1)
        await asyncio.to_thread(rolled)
        await client.products.list(limit=1)

    def rolled() -> None:
        roll(token)
        connection.close()

    inside(token, work)
    assert refusals(sandbox) == 1
    token.refresh_from_db()
    assert token.health == "OK"


def test_a_refused_token_that_nobody_replaces_is_suspect(token: ApiToken) -> None:
    roll(token, store=False)
    with pytest.raises(InvalidCredential):
        inside(token, lambda client: client.products.list(limit=1))
    token.refresh_from_db()
    assert token.health == "SUSPECT"


def test_errors_come_as_they_do_elsewhere(token: ApiToken) -> None:
    with pytest.raises(ObjectNotFound):
        inside(token, lambda client: client.orders.get("ord_unknown"))


def test_calls_run_at_the_same_time(token: ApiToken, sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=300)

    async def work(client: AsyncClient) -> float:
        began = time.monotonic()
        await asyncio.gather(*(client.store.get() for _ in range(4)))
        return time.monotonic() - began

    assert inside(token, work) < 1.1


def test_a_time_out_reaches_the_wire(token: ApiToken, sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=3000)
    with pytest.raises(TransportError):
        inside(token, lambda client: client.store.get(timeout=0.3))


def test_it_has_the_methods_of_the_other_client_and_they_take_the_same() -> None:
    opened = sync_client()
    plain = dict(methods_of(opened, Namespace))
    waiting = dict(methods_of(AsyncClient(opened, threads=1), AsyncNamespace))
    assert len(plain) > 100
    assert {name: inspect.signature(one).parameters for name, one in plain.items()} == {
        name: inspect.signature(one).parameters for name, one in waiting.items()
    }
    assert isinstance(opened, Client)
