"""A sender and an application for `bounded`, without a server between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pandabase_django.api.webhooks.verification import Reason
from pandabase_django.asgi.deliveries import Deliveries, Limits
from pandabase_django.asgi.notes import Notes
from pandabase_django.asgi.protocol import Message, Receive, Scope, Send

__all__ = ["PATH", "Inner", "Noted", "Sender", "deliveries", "scope_of"]

PATH = "/pandabase/webhooks/" + "0" * 40


def scope_of(path: str = PATH, *, method: str = "POST", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        **more,
    }


class Inner:
    """Stands where Django does: keeps what it got, and answers 200 once it may."""

    def __init__(self) -> None:
        self.seen: list[tuple[Scope, Receive, Send]] = []
        self.bodies: list[bytes] = []
        self.inside = self.most_inside = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope, receive, send))
        if scope["type"] != "http":
            return
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.open.wait()
            message = await receive()
            self.bodies.append(message.get("body", b""))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.inside -= 1


class Sender:
    """One request: its messages come at once, and none after them."""

    def __init__(self, messages: Iterable[Message | bytes], **scope: Any) -> None:
        pieces = [_message(message) for message in messages]
        if pieces and pieces[-1]["type"] == "http.request":
            pieces[-1].setdefault("more_body", False)
        self._messages = pieces
        self.scope = scope_of(**scope)
        self.asked = 0
        self.answers: list[Message] = []

    async def receive(self) -> Message:
        self.asked += 1
        if self._messages:
            return self._messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.answers.append(message)

    async def through(self, deliveries: Any) -> int:
        """Its status; 0 is: no answer."""
        await deliveries(self.scope, self.receive, self.send)
        return self.status

    @property
    def status(self) -> int:
        return self.answers[0]["status"] if self.answers else 0

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.answers[0]["headers"])


def _message(message: Message | bytes) -> Message:
    if isinstance(message, bytes):
        return {"type": "http.request", "body": message}
    return dict(message)


class Noted(Notes):
    """Keeps reasons and sizes; the tests of real servers look at the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, int]] = []

    async def take(self, scope: Scope, endpoint_id: str, reason: Reason, *, size: int) -> None:
        self.found.append((reason.value, size))


def deliveries(inner: Inner, notes: Notes | None = None, **limits: Any) -> Deliveries:
    return Deliveries(inner, limits=Limits(**limits), notes=notes or Noted())
