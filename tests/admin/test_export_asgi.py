"""Under ASGI an export is sent while it is made, and does not hold up the event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import Product, Store

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3000


async def exported(path: str, cookie: str) -> list[bytes]:
    """The bodies of the messages that are sent."""
    sent: list[bytes] = []
    incoming = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        for message in incoming:
            return message
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            sent.append(message.get("body", b""))
        elif message["type"] == "http.response.start":
            assert message["status"] == 200

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", f"sessionid={cookie}".encode())],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    await asyncio.wait_for(get_asgi_application()(scope, receive, send), timeout=60)
    return sent


def test_an_export_is_sent_in_pieces(recwarn: Any) -> None:
    store = Store.objects.create(pk="shp_large")
    now = timezone.now()
    Product.objects.bulk_create(
        Product(pk=f"prd_{n:05}", store=store, title="x", first_seen_at=now, synced_at=now)
        for n in range(ROWS)
    )
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    path = reverse("admin:pandabase_product_export")
    whole = b"".join(client.get(path).streaming_content)
    sent = asyncio.run(exported(path, client.cookies["sessionid"].value))
    pieces = [body for body in sent if body]
    assert b"".join(pieces) == whole
    assert len(pieces) > 10
    assert max(map(len, pieces)) < len(whole) / 10
    assert not [w for w in recwarn if "StreamingHttpResponse must consume" in str(w.message)]
