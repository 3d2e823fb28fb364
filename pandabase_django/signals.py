"""What a shop's own code can listen to. All are sent after the commit that they report.

Each is sent at most once: a process killed between commit and signal sends nothing. None is sent
during a store's first sync, since nobody wants ten years of orders announced. Receivers are called
with ``send_robust``: one that raises is logged and stops neither the sync nor other receivers.
A product that vanished, or came back, is reported with ``gone_at`` among the changed columns.

=====================  ========================================================================
signal                 arguments beside ``sender``
=====================  ========================================================================
product_synced         product, created (bool), changed (tuple of column names)
order_synced           order, created (bool), changed (tuple of column names)
order_status_changed   order, old (str), new (str)
secret_rotated         token, attempt
rotation_failed        token, attempt
action_settled         action (``RemoteAction``): done, not done, or not known for good
sync_finished          run
webhook_received       event (``pandabase_django.events.Event``), whatever its name
=====================  ========================================================================

``webhook_received`` is the exception: it is sent by the task that handles a delivery, at least
once, and again with a delay when a receiver raised. See ``pandabase_django.events``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from django.db import Error as AnyDatabaseError
from django.dispatch import Signal

from pandabase_django import observing
from pandabase_django.exceptions import PandabaseError, interruptions
from pandabase_django.observing.logs import get_logger

__all__ = [
    "action_settled",
    "order_status_changed",
    "order_synced",
    "product_synced",
    "rotation_failed",
    "secret_rotated",
    "sync_finished",
    "webhook_received",
]

logger = get_logger(__name__)

product_synced = Signal()
order_synced = Signal()
order_status_changed = Signal()
secret_rotated = Signal()
rotation_failed = Signal()
action_settled = Signal()
sync_finished = Signal()
webhook_received = Signal()


_between: ContextVar[Callable[[], None]] = ContextVar("between", default=lambda: None)


@contextmanager
def calling_between(sign_of_life: Callable[[], None]) -> Iterator[None]:
    """Inside, ``sign_of_life`` is called after each signal: receivers may take their time.

    A sync writes thousands of rows at once and announces them one by one. What the sync has lost
    meanwhile its next transaction notices; what was committed is announced all the same.
    """
    token = _between.set(sign_of_life)
    try:
        yield
    finally:
        _between.reset(token)


def send(signal: Signal, *, sender: type, **arguments: Any) -> None:
    """Call every receiver; report those that raise, stop for none.

    What interrupts the task, such as its time limit, is raised once all have been called.
    """
    for receiver, result in send_robust(signal, sender=sender, **arguments):
        if isinstance(result, Exception):
            name = name_of(receiver)
            logger.error("A signal receiver failed: %s", name, exc_info=result)
            observing.handler_fails(name, kind="receiver")
    with suppress(PandabaseError, AnyDatabaseError):
        _between.get()()


def send_robust(signal: Signal, *, sender: type, **arguments: Any) -> list[tuple[Any, Any]]:
    """``Signal.send_robust``, but for what interrupts the task: that is raised."""
    answers = signal.send_robust(sender=sender, **arguments)
    for _receiver, result in answers:
        if isinstance(result, interruptions()):
            raise result
    return answers


def name_of(receiver: Any) -> str:
    """A receiver's dotted name, or that of its class when it has none: never its repr."""
    named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
    return f"{named.__module__}.{named.__qualname__}"
