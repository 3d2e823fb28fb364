"""The client for code that runs in an event loop: the same methods, each called in a thread.

Why threads, and what they cost: docs/architecture.md and docs/performance.md.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from pandabase_django.api.aio import AsyncNamespaces
from pandabase_django.api.client import Client
from pandabase_django.api.operations import Operation
from pandabase_django.api.resources.typed import typed_by_name
from pandabase_django.api.wire.replies import Reply

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient(AsyncNamespaces):
    """Calls the Store API from coroutines of one event loop.

    A call that is cancelled is given up, and not taken back: its request goes on in its thread. Of
    a write, whether it was executed is then unknown: look for its result before you send it again,
    whatever ``idempotency_key`` it had (Source: P-10).

    Args:
        client: Does the work.
        threads: How many calls are under way at once; others wait for their turn.
    """

    def __init__(self, client: Client, *, threads: int) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="pandabase-client")
        super().__init__(client, self._call)

    async def aclose(self) -> None:
        """End the waits of calls that are under way, and the threads when their calls end."""
        self._client.give_up()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    @typed_by_name
    async def request(
        self,
        operation: str | Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Call any operation of the table; see ``Client.request``."""
        call: Callable[..., Reply] = self._client.request
        return await self._call(
            call,
            operation,
            params=params,
            query=query,
            body=body,
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    async def _call(self, call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        # What requests are counted for travels with the context (``wire.traffic``).
        context = contextvars.copy_context()
        work = partial(context.run, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
