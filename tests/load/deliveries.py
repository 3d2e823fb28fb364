"""Deliveries and their heads as bytes of HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from pandabase_django.sandbox.webhooks.signatures import signed_headers

__all__ = ["SECRET", "delivery", "head"]

SECRET = "whk_secret_" + "5f" * 19


def delivery(
    endpoint_id: str, event_id: str, *, secret: str = SECRET, order_id: str = "ord_1"
) -> Callable[[], bytes]:
    """Makes a whole request of some 1.6 kB, signed at the moment it is sent."""

    def make() -> bytes:
        data = {"order": {"id": order_id, "note": "x" * 1_500}, "customer": {}}
        payload = {"event": "PAYMENT_COMPLETED", "id": event_id, "timestamp": "", "data": data}
        body = json.dumps(payload).encode()
        headers = signed_headers(
            secret,
            version="V2",
            reading="text",
            event_id=event_id,
            job="",
            at_ms=int(time.time() * 1000),
            body=body,
        )
        return head(endpoint_id, headers, length=len(body)) + body

    return make


def head(endpoint_id: str, headers: dict[str, str], *, length: int | str) -> bytes:
    lines = [
        f"POST /pandabase/webhooks/{endpoint_id} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        "Connection: close",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
