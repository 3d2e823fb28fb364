"""Signs deliveries as Pandabase does, with code that is not ours where there is some."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from django.test import Client
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the Standard Webhooks' own sample
OTHER_SECRET = "whk_secret_0123456789abcdef0123456789abcdef"

new_client: Callable[[], Client] = Client
"""What posts a delivery that names no client."""


SUBSCRIPTION = {
    "id": "sub_1",
    "status": "ACTIVE",
    "billingInterval": "MONTHLY",
    "amount": 2900,
    "currency": "USD",
    "currentPeriodStart": "2026-11-14T12:34:56.000Z",
    "currentPeriodEnd": "2026-12-14T12:34:56.000Z",
    "nextChargeAt": "2026-12-14T12:34:56.000Z",
    "trialEnd": None,
    "cancelledAt": None,
}


def payload_of(
    event: str = "PAYMENT_COMPLETED",
    *,
    event_id: str = "evt_1",
    order_id: str = "ord_1",
    **order: Any,
) -> dict[str, Any]:
    """As the vendor's samples are: a subscription's event names neither order nor customer."""
    if event.startswith("SUBSCRIPTION_") and not order_id:
        data: dict[str, Any] = {
            "order": {},
            "customer": {},
            "geo": {"country": "DE", "city": "Berlin"},
            "subscription": {**SUBSCRIPTION, **order},
        }
        return {
            "event": event,
            "id": event_id,
            "timestamp": "2026-11-24T10:00:00.000Z",
            "data": data,
        }
    return {
        "event": event,
        "id": event_id,
        "timestamp": "2026-11-24T10:00:00.000Z",
        "data": {
            "order": {"id": order_id, "status": "COMPLETED", "amount": 1999, **order},
            "customer": {},
            "geo": {"country": "DE", "city": "Berlin"},
        },
    }


@dataclass
class Delivery:
    """One delivery as it stands on the wire."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, url: str, client: Client | None = None, **extra: Any) -> Any:
        return (client or new_client()).post(
            url,
            data=self.body,
            content_type=extra.pop("content_type", "application/json"),
            headers=self.headers,
            **extra,
        )


def encoded(payload: Any) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def sign_v2(
    payload: Any = None,
    *,
    secret: str = SECRET,
    reading: str = "BASE64",
    at: float | None = None,
    identifier: str | None = None,
) -> Delivery:
    """The package signs with the decoded key; the other reading is done by hand."""
    payload = payload_of() if payload is None else payload
    body = encoded(payload)
    at = time.time() if at is None else at
    identifier = identifier or payload["id"]
    if reading == "BASE64":
        signature = Webhook(secret).sign(
            identifier, datetime.fromtimestamp(int(at), tz=timezone.utc), body.decode()
        )
    else:
        digest = hmac.new(
            secret.encode(), f"{identifier}.{int(at)}.".encode() + body, hashlib.sha256
        ).digest()
        signature = "v1," + base64.b64encode(digest).decode()
    return Delivery(
        body,
        {
            "Webhook-Id": identifier,
            "Webhook-Timestamp": str(int(at)),
            "Webhook-Signature": signature,
        },
    )


def sign_v1(
    payload: Any = None,
    *,
    secret: str = SECRET,
    at: float | None = None,
    identifier: str = "whk_1/job_1",
) -> Delivery:
    body = encoded(payload_of() if payload is None else payload)
    stamp = str(int((time.time() if at is None else at) * 1000))
    key = secret.encode()
    return Delivery(
        body,
        {
            "Webhook-Id": identifier,
            "Webhook-Timestamp": stamp,
            "Webhook-Signature": hmac.new(
                key, stamp.encode() + b"." + body, hashlib.sha256
            ).hexdigest(),
            "X-Pandabase-Signature": hmac.new(key, body, hashlib.sha256).hexdigest(),
        },
    )
