"""Reads the pages of a list in order, several requests at a time.

Threads run the wire's client alone and never touch the database; the caller writes what it gets
between two requests. Once a second, while it asks for answers, it is called back to keep its lease
alive.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import InvalidCredential, PandabaseError, ProtocolError

__all__ = ["PAGE_SIZE", "Reader", "batches"]

PAGE_SIZE = 100  # the remote's maximum (P-19)
TICK_SECONDS = 1.0
# So many that the connections stay busy while a batch is written.
PAGES_AHEAD_PER_CONNECTION = 3
OBJECTS_AHEAD_PER_CONNECTION = 16

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")


def batches(items: Iterable[A], size: int) -> Iterator[list[A]]:
    """Lists of ``size`` items, the last one shorter.

    When the source fails, what it gave since the last list comes first: whoever writes a list at a
    time loses nothing that has arrived, and a small quota brings each run further.

    Raises:
        PandabaseError: Whatever the source raises.
    """
    batch: list[A] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except PandabaseError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class Reader(Generic[T]):
    """A pool of connections, and a sign of life while they are used.

    Args:
        concurrency: Requests in flight at a time.
        while_waiting: Called when an answer is asked for and the last call was a second ago, and
            each second until it comes. Answers are never asked for inside a transaction.
        renew: Called here, and not in a thread, when a read met a 401; whether it is worth one
            more try. Threads may not ask the database for a newer secret.
        give_up: Called at the end, so that no thread sleeps on for an answer nobody wants.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        while_waiting: Callable[[], None],
        renew: Callable[[InvalidCredential], bool] = lambda error: False,
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._concurrency = concurrency
        self._while_waiting = while_waiting
        self._renew = renew
        self._give_up = give_up
        self._called_back_at = time.monotonic()
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="pandabase-fetch")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="pandabase-fetch-aside")

    def __enter__(self) -> Reader[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._give_up()
        # Requests in flight are let finish: their time-outs bound the wait. Whoever pressed
        # Ctrl-C need not wait; the process ends after them.
        for pool in (self._pool, self._aside):
            pool.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    def keep_alive(self) -> None:
        """Call back if that was a second ago: for work between answers that takes its time."""
        if time.monotonic() - self._called_back_at >= TICK_SECONDS:
            self._called_back_at = time.monotonic()
            self._while_waiting()

    def one(self, work: Callable[[], A]) -> A:
        """``work`` in a thread, so that the caller stays alive while it takes its time."""
        return self.ahead(work)()

    def aside(self, work: Callable[[], A]) -> A:
        """``work`` at once, however many requests wait for a connection."""
        return self._result(work, self._submit(work, self._aside), self._aside)

    def ahead(self, work: Callable[[], A]) -> Callable[[], A]:
        """Begin ``work`` now; what is returned waits for its result and gives it."""
        future = self._submit(work)
        return lambda: self._result(work, future)

    def pages(
        self, fetch: Callable[[int], Page[T]], *, first: int = 1, at_most: int | None = None
    ) -> Iterator[Page[T]]:
        """Pages from ``first`` to the last one there is when it is reached, in order.

        The request for the first one goes out at once.

        Args:
            fetch: One page by its number.
            first: The number of the first one.
            at_most: How many to read; None reads all.

        Raises:
            ProtocolError: A page in the middle came back empty, or as another one, twice.
            PandabaseError: Whatever ``fetch`` raises.
        """
        return self._pages(fetch, self.ahead(partial(fetch, first)), first, at_most)

    def _pages(
        self,
        fetch: Callable[[int], Page[T]],
        begun: Callable[[], Page[T]],
        first: int,
        at_most: int | None,
    ) -> Iterator[Page[T]]:
        page = self._complete(fetch, first, begun())
        yield page
        end = math.inf if at_most is None else first + at_most - 1
        waiting: deque[tuple[int, Future[Page[T]]]] = deque()
        many = page.total_pages if page.received < page.limit else 0
        last, number = min(page.total_pages, end), first
        shown = {_ids(page)}
        try:
            while number < last or waiting:
                ahead = self._concurrency * PAGES_AHEAD_PER_CONNECTION
                while number < last and len(waiting) < ahead:
                    number += 1
                    waiting.append((number, self._submit(partial(fetch, number))))
                expected, future = waiting.popleft()
                page = self._result(partial(fetch, expected), future)
                page = self._complete(fetch, expected, page)
                yield page
                # A remote that says too few shows more rows beyond the last page it names. One that
                # shows there what it has shown before would do so for ever.
                beyond = expected > page.total_pages and _is_there(page, expected)
                beyond = beyond and _ids(page) not in shown
                shown.add(_ids(page))
                last = min(max(page.total_pages, many, expected + 1 if beyond else 0), end)
        finally:
            # Whoever stops reading wants none of those that were asked for ahead.
            for _, future in waiting:
                future.cancel()

    def each(self, work: Callable[[A], T], arguments: Iterable[A]) -> Iterator[tuple[A, T]]:
        """``work`` of each argument, in order, several at a time and few ahead."""
        waiting: deque[tuple[A, Future[T]]] = deque()
        for argument in arguments:
            waiting.append((argument, self._submit(partial(work, argument))))
            if len(waiting) >= self._concurrency * OBJECTS_AHEAD_PER_CONNECTION:
                done, future = waiting.popleft()
                yield done, self._result(partial(work, done), future)
        while waiting:
            done, future = waiting.popleft()
            yield done, self._result(partial(work, done), future)

    def _complete(self, fetch: Callable[[int], Page[T]], number: int, page: Page[T]) -> Page[T]:
        """Ask again for a page that is empty though later ones exist, or that is another one."""
        if _fits(page, number):
            return page
        again = self.one(lambda: fetch(number))
        if _fits(again, number):
            return again
        what = "empty" if again.page == number else f"as page {again.page}"
        raise ProtocolError(f"Page {number} of {again.total_pages} came back {what}, twice.")

    def _submit(self, work: Callable[[], R], pool: ThreadPoolExecutor | None = None) -> Future[R]:
        # The context says what the request is for; see ``traffic.purpose``.
        return (pool or self._pool).submit(copy_context().run, work)

    def _result(
        self, work: Callable[[], R], future: Future[R], pool: ThreadPoolExecutor | None = None
    ) -> R:
        try:
            return self._wait(future)
        except InvalidCredential as error:
            if not self._renew(error):
                raise
        return self._wait(self._submit(work, pool))

    def _wait(self, future: Future[R]) -> R:
        while True:
            self.keep_alive()
            try:
                return future.result(timeout=TICK_SECONDS)
            except FutureTimeoutError:
                # From Python 3.11 on a time-out inside the work has this type too.
                if future.done():
                    return future.result()


def _ids(page: Page[Any]) -> int:
    """A number for the rows of a page, since the ids of a long list are too many to be held."""
    return hash(tuple(item.id for item in page.items))


def _fits(page: Page[T], number: int) -> bool:
    # Beyond the end the remote may answer with whatever it likes.
    return number >= page.total_pages or _is_there(page, number)


def _is_there(page: Page[T], number: int) -> bool:
    return page.received > 0 and page.page == number
