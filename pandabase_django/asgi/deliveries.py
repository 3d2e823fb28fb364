"""Reads deliveries before Django does, within limits.

Under ASGI Django reads the body of each request before any view runs, for as long as the sender
likes, into a file of any size; and each request has a thread and a database connection of its own.
Here the body of a delivery is read by the event loop, in memory, and only whole deliveries go on, a
few at once. The limits of size and time are those of the view.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pandabase_django.api.webhooks.verification import MAX_BODY_BYTES, READ_SECONDS, Reason
from pandabase_django.asgi.addresses import endpoint_of
from pandabase_django.asgi.bodies import Body, Gone, Memory, NoMemory, TooLarge, TooSlow
from pandabase_django.asgi.notes import Notes
from pandabase_django.asgi.protocol import Application, Message, Receive, Scope, Send, answer
from pandabase_django.asgi.rooms import Full, Room
from pandabase_django.observing.logs import get_logger

__all__ = ["Limits", "bounded"]

logger = get_logger(__name__)

RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process; others than these are for tests.

    Attributes:
        seconds: From the head of a delivery until it is in Django.
        inside: How many are in Django at once, with a thread and a database connection each.
        waiting: How many whole ones wait for that.
        held_bytes: What all of them together hold in memory.
    """

    seconds: float = READ_SECONDS
    inside: int = 16
    waiting: int = 256
    held_bytes: int = 128 * MAX_BODY_BYTES


def bounded(application: Application) -> Application:
    """Bound webhook deliveries in front of Django's ASGI application.

    Each is read here, at most 256 KiB within 15 seconds, and at most 16 of them are in Django at
    once. One that is too large is answered 413, one that is too slow 408, and one that finds too
    many others 503 with ``Retry-After``. All other requests pass untouched. In ``asgi.py``::

        application = bounded(get_asgi_application())
    """
    return Deliveries(application, limits=Limits(), notes=Notes())


class Deliveries:
    """An ASGI application around another one."""

    def __init__(self, application: Application, *, limits: Limits, notes: Notes) -> None:
        self._application = application
        self._limits = limits
        self._memory = Memory(limits.held_bytes)
        self._room = Room(at_once=limits.inside, waiting=limits.waiting)
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        endpoint_id = endpoint_of(scope)
        if endpoint_id is None:
            await self._application(scope, receive, send)
            return
        body = Body(self._memory)
        try:
            await self._take(scope, receive, send, body)
        except Gone:
            return  # nobody is there to be answered
        except (NoMemory, Full):
            logger.warning("A webhook delivery was answered 503: too many at once.")
            await answer(scope, send, 503, retry_after=RETRY_AFTER_SECONDS)
        except TooLarge:
            size = body.release()  # a note waits for its turn, and nobody needs the bytes
            await answer(scope, send, 413)
            await self._notes.take(scope, endpoint_id, Reason.TOO_LARGE, size=size)
        except TooSlow:
            size = body.release()
            await answer(scope, send, 408)
            await self._notes.take(scope, endpoint_id, Reason.INCOMPLETE, size=size)
        finally:
            body.release()

    async def _take(self, scope: Scope, receive: Receive, send: Send, body: Body) -> None:
        deadline = time.monotonic() + self._limits.seconds
        await body.read(scope, receive, seconds=self._limits.seconds)
        await self._room.enter(seconds=deadline - time.monotonic())
        try:
            await self._application(scope, _whole(bytes(body.content)), send)
        finally:
            self._room.leave()


def _whole(content: bytes) -> Receive:
    """What Django receives: the body at once, and never that the sender has hung up.

    Django would cancel a view that has not begun. A delivery that arrived whole is worth storing,
    whoever waits for the answer.
    """
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()  # until Django has answered, and cancels this
        raise AssertionError("unreachable")

    return receive
