"""Tells observers of requests, waits, handlers and deliveries; without a setting there are none.

This is the one place where metrics and traces meet the code. An observer is told names from fixed
lists, numbers and a host, and never an id, a path, a header or a body: what becomes a label or an
attribute is bounded and holds nothing of a person.

Nothing that an observer raises gets further: the answer that it was told of may hold the only copy
of a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from pandabase_django.exceptions import interruptions
from pandabase_django.observing.logs import get_logger

__all__ = [
    "NO_ANSWER",
    "Attempt",
    "Observer",
    "call",
    "delivery_ends",
    "handler_fails",
    "install",
    "request_begins",
    "waits",
]

logger = get_logger(__name__)

NO_ANSWER = 0  # in the place of an HTTP status

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it is sent.

    Attributes:
        operation: Its name in the table of operations, or ``other``.
        method: HTTP method.
        host: Name of the remote.
        number: 1 of the first try of a call, 2 of the second.
    """

    operation: str
    method: str
    host: str
    number: int


class Observer:
    """What may be told; each method does nothing here."""

    def request_begins(self, attempt: Attempt) -> Callable[[int], object]:
        """A request is sent. What is returned is called with the status, or ``NO_ANSWER``."""
        return lambda status: None

    def waits(self, seconds: float, *, limit: str) -> None:
        """Something begins to sleep for a rate limit: that of the address, the store, the token."""

    def handler_fails(self, name: str, *, kind: str) -> None:
        """Code of the shop raised: a handler of an ``event`` or a ``fact``, or a ``receiver``."""

    def delivery_ends(self, state: str) -> None:
        """A webhook delivery came to this state, from which nothing leads on by itself."""


class _Set:
    choose: Callable[[], Sequence[Observer]] = tuple
    reported: set[str] = set()


class _Call:
    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.attempts = 0


_call: ContextVar[_Call | None] = ContextVar("pandabase_call", default=None)


def install(choose: Callable[[], Sequence[Observer]]) -> None:
    """Ask ``choose`` for the observers whenever there is something to tell."""
    _Set.choose = choose


@contextmanager
def call(operation: str) -> Iterator[None]:
    """Requests that are sent inside are tries of one call of this operation.

    The name travels with the context, as ``wire.traffic.purpose`` does: what sends a request knows
    a path alone.
    """
    token = _call.set(_Call(operation))
    try:
        yield
    finally:
        _call.reset(token)


def request_begins(*, method: str, host: str) -> Callable[[int], None]:
    """Call it before a request is sent, and what it returns with the status of the answer."""
    now = _call.get() or _Call("other")
    now.attempts += 1
    attempt = Attempt(now.operation, method, host, now.attempts)
    begun = [done for one in _observers() if (done := _safely(one.request_begins, attempt))]

    def ends(status: int) -> None:
        # The other way round: what was entered last is left first.
        for done in reversed(begun):
            _safely(done, status)

    return ends


def untold(*, method: str, host: str) -> Callable[[int], None]:
    """As ``request_begins``, but no observer hears of it."""
    return lambda status: None


def waits(seconds: float, *, limit: str) -> None:
    """See ``Observer.waits``."""
    _tell(lambda one: one.waits(seconds, limit=limit))


def handler_fails(name: str, *, kind: str) -> None:
    """See ``Observer.handler_fails``."""
    _tell(lambda one: one.handler_fails(name, kind=kind))


def delivery_ends(state: str) -> None:
    """See ``Observer.delivery_ends``."""
    _tell(lambda one: one.delivery_ends(state))


def _tell(what: Callable[[Observer], object]) -> None:
    for one in _observers():
        _safely(what, one)


def _observers() -> Sequence[Observer]:
    return _safely(lambda _: _Set.choose(), None) or ()


def _safely(what: Callable[[T], R], given: T) -> R | None:
    """Its result; None when it failed, which is logged once for each kind of error."""
    try:
        return what(given)
    except interruptions():
        raise
    except Exception as error:  # noqa: BLE001  see above
        name = type(error).__name__
        if name not in _Set.reported:
            _Set.reported.add(name)
            logger.error("Metrics or traces fail (%s); the work goes on without.", name)
    return None
