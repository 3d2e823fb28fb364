"""Clients for code in an event loop, such as an async view.

The database is asked where Django wants it asked: in the thread of ``sync_to_async``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent import futures
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from asgiref.sync import sync_to_async

from pandabase_django.api.aio.client import AsyncClient
from pandabase_django.api.auth import BearerAuth, HmacAuth
from pandabase_django.conf import conf
from pandabase_django.exceptions import InvalidCredential
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.tokens.clients import SWAP_WAIT_SECONDS, Newer, Owner

__all__ = ["async_client_for"]


def async_client_for(
    store: Store | ApiToken, *, pool_size: int | None = None, hurried: bool = False
) -> AbstractAsyncContextManager[AsyncClient]:
    """The same as ``client_for``, for coroutines::

        async with async_client_for(store) as client:
            order = await client.orders.get("ord_…")

    Args:
        store: A store, or one of its tokens.
        pool_size: How many calls are under way at once; None takes ``PANDABASE["CONCURRENCY"]``.
        hurried: See ``client_for``.

    Raises:
        PandabaseError: See ``client_for``.
    """
    return _opened(store, pool_size=pool_size or conf.concurrency, hurried=hurried)


@asynccontextmanager
async def _opened(
    store: Store | ApiToken, *, pool_size: int, hurried: bool
) -> AsyncIterator[AsyncClient]:
    loop = asyncio.get_running_loop()

    def handed(newer: Newer) -> Newer:
        def ask() -> BearerAuth | HmacAuth | None:
            asked = asyncio.run_coroutine_threadsafe(sync_to_async(newer)(), loop)
            try:
                return asked.result(2 * SWAP_WAIT_SECONDS)
            except futures.TimeoutError:
                # A loop that has ended answers nothing, and the process waits for its threads.
                return None

        return ask

    owner = await sync_to_async(Owner)(store, pool_size=pool_size, hurried=hurried, handed=handed)
    try:
        client = AsyncClient(owner.client, threads=pool_size)
        try:
            yield client
        finally:
            await client.aclose()
    except InvalidCredential as error:
        if error.client_id == owner.client.client_id:
            await sync_to_async(owner.judge)(error)
        raise
    finally:
        await sync_to_async(owner.record)()
        owner.client.close()
