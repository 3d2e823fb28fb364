"""The parts of ASGI that are needed here: its types, and an answer without a body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Application", "Message", "Receive", "Scope", "Send", "answer", "header"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name (lower case); "" when there is none."""
    found = next((value for key, value in scope["headers"] if key.lower() == name), b"")
    return bytes(found).decode("latin1")


async def answer(scope: Scope, send: Send, status: int, *, retry_after: int | None = None) -> None:
    """Answer with a status alone, and hang up.

    Args:
        scope: Of the request.
        send: Of the request.
        status: Of HTTP.
        retry_after: Seconds; None names none.
    """
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    if scope.get("http_version", "1.1").startswith("1"):
        # Otherwise the server waits for the rest of the body, for as long as the sender likes.
        # HTTP/2 forbids this header, and ends the stream by itself.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
