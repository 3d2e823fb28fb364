"""A test client whose requests take the way through ASGI, with `bounded` in front of Django."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client

from pandabase_django.asgi import bounded

__all__ = ["AsgiClient"]

PIECE_BYTES = 64 * 1024


class AsgiClient(Client):
    """Used as Django's own is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.handler = _through_asgi


def _through_asgi(environ: dict[str, Any]) -> HttpResponse:
    sent: list[Any] = []
    content = environ["wsgi.input"].read()
    pieces = [content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES)] or [b""]

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # as Django's client does
    try:
        async_to_sync(bounded(get_asgi_application()))(_scope(environ), receive, send)
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    response = HttpResponse(b"".join(one.get("body", b"") for one in sent[1:]))
    response.status_code = sent[0]["status"]
    for name, value in sent[0]["headers"]:
        response[name.decode()] = value.decode("latin1")
    response.wsgi_request = WSGIRequest(environ)
    return response


def _scope(environ: dict[str, Any]) -> dict[str, Any]:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin1"))
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin1").decode(errors="replace"),
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": [(b"host", b"testserver"), *headers],
        "client": (environ["REMOTE_ADDR"], 1),
        "server": ("testserver", 80),
    }
