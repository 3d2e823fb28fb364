"""What the bodies of writes may hold, from the vendor's OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pandabase_django.sandbox.api.bodies import catalog
from pandabase_django.sandbox.api.bodies.catalog import as_new
from pandabase_django.sandbox.api.bodies.events import EVENT_TYPES
from pandabase_django.sandbox.api.validation import Field
from pandabase_django.sandbox.webhooks.signatures import SIGNATURE_VERSIONS

__all__ = ["BODIES", "EVENT_TYPES", "WEBHOOK_FIELDS"]

_ID = Field(str, low=12, high=48)
_TIME = Field(str, format="date-time")
_MOST_EXACT = 2**53 - 1

WEBHOOK_FIELDS = {
    "url": Field(str, required=True, high=512, pattern="https?://.+", format="uri"),
    "eventTypes": Field(list, required=True, low=1, each=Field(str, choices=EVENT_TYPES)),
    "note": Field(str, high=256, nullable=True),
    "isEnabled": Field(bool),
    "signatureVersion": Field(str, choices=SIGNATURE_VERSIONS),
}
"""Source: P-35."""

_METER = {
    "eventName": Field(str, required=True, low=1, high=64, pattern="[a-zA-Z0-9_.-]+"),
    "unitPrice": Field(int, required=True, low=0, high=100_000_000),
    "unitQuantity": Field(int, low=1, high=1_000_000_000),
    "aggregation": Field(str, required=True, choices=("SUM", "MAX", "LAST", "COUNT")),
    "settlement": Field(str, choices=("ARREARS", "BASE_PLUS_OVERAGE")),
    "includedUnits": Field(int, low=0, nullable=True),
}
_USAGE_EVENT = {
    "event_name": Field(str, required=True, low=1, high=64),
    "quantity": Field(int, required=True, low=0, high=_MOST_EXACT),
    "event_at": _TIME,
    "external_id": Field(str, low=1, high=128),
    "metadata": Field(dict, each=Field(str)),
}
_ATTACHMENT = {
    "attachmentId": replace(_ID, required=True),
    "filename": Field(str, required=True, low=1, high=255),
    "mimeType": Field(str, required=True, low=1, high=128),
    "sizeBytes": Field(int, required=True, low=1, high=10_485_760),
}
_REPORT_TYPES = ("PAYMENT_ACTIVITY", "PAYOUT_RECONCILIATION", "BALANCE_LEDGER", "REFUNDS_DISPUTES")

BODIES: Mapping[tuple[str, str], dict[str, Field] | None] = {
    ("POST", "products"): catalog.NEW_PRODUCT,
    ("PATCH", "products/{product}"): catalog.PRODUCT,
    ("POST", "categories"): catalog.NEW_CATEGORY,
    ("PATCH", "categories/{category}"): catalog.CATEGORY,
    ("POST", "coupons"): catalog.NEW_COUPON,
    ("PATCH", "coupons/{coupon}"): catalog.COUPON,
    ("POST", "webhooks"): as_new(WEBHOOK_FIELDS, without="isEnabled"),
    ("PATCH", "webhooks/{webhook}"): WEBHOOK_FIELDS,
    ("POST", "refunds/orders/{order}"): {
        "reason": Field(str, choices=("DUPLICATE", "FRAUDULENT", "REQUESTED_BY_CUSTOMER")),
    },
    ("POST", "disputes/{dispute}/evidence"): {
        "access_activity_log": Field(str, required=True, low=1, high=20_000),
    },
    ("POST", "licenses/verify"): {
        "key": Field(str, required=True, low=1, high=512),
        "productId": _ID,
    },
    ("POST", "subscriptions/{subscription}/cancel"): {"immediate": Field(bool)},
    ("POST", "subscriptions/{subscription}/change"): {
        "product_id": _ID,
        "variant_id": replace(_ID, nullable=True),
        "billing_interval": Field(str, choices=("WEEKLY", "MONTHLY", "YEARLY")),
        "quantity": Field(int, low=1, high=100_000),
        "proration_behavior": Field(str, choices=("IMMEDIATELY", "END_OF_PERIOD")),
    },
    ("PATCH", "cases/{case}"): {
        "priority": Field(str, choices=("LOW", "NORMAL", "HIGH", "URGENT")),
        "status": Field(str, choices=("AWAITING_CUSTOMER", "CLOSED", "OPEN")),
    },
    ("POST", "cases/{case}/messages"): {
        "body": Field(str, required=True, low=1, high=4000),
        "attachments": Field(list, high=5, each=_ATTACHMENT),
    },
    ("POST", "usage"): {
        "subscription_id": replace(_ID, required=True),
        "events": Field(list, required=True, low=1, high=100, each=_USAGE_EVENT),
    },
    ("POST", "products/{product}/meters"): as_new(_METER),
    ("PATCH", "products/{product}/meters/{meter}"): _METER,
    ("POST", "reports"): {
        "type": Field(str, required=True, choices=_REPORT_TYPES),
        "periodStart": replace(_TIME, required=True),
        "periodEnd": replace(_TIME, required=True),
        "formats": Field(list, low=1, high=2, each=Field(str, choices=("CSV", "JSON"))),
    },
    ("POST", "tokens/{token}/roll-secret"): None,
}
"""Fields of every body by method and path. A write that is not here takes none; None: not known."""
