"""What the methods of all asynchronous namespaces have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

from pandabase_django.api.schemas import Page

__all__ = ["AsyncNamespace", "Run"]

N = TypeVar("N")
T = TypeVar("T")


class Run(Protocol):
    """Calls a function in a thread and gives what it returns."""

    def __call__(self, call: Callable[..., T], /, *args: Any, **kwargs: Any) -> Awaitable[T]:
        """Call it with these arguments."""


class AsyncNamespace(Generic[N]):
    """Methods of one subject.

    Args:
        sync: The same of a ``Client``.
        run: Calls them.
    """

    def __init__(self, sync: N, run: Run) -> None:
        self._sync = sync
        self._run = run

    async def _each(self, found: Iterator[T]) -> AsyncIterator[T]:
        end = object()
        while (one := await self._run(next, cast("Iterator[Any]", found), end)) is not end:
            yield one

    async def _items(self, pages: Iterator[Page[T]]) -> AsyncIterator[T]:
        async for page in self._each(pages):
            for item in page.items:
                yield item
