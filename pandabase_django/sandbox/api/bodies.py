"""What the bodies of writes may hold, from the vendor's OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pandabase_django.sandbox.api.validation import Field
from pandabase_django.sandbox.webhooks.signatures import SIGNATURE_VERSIONS

__all__ = ["BODIES", "EVENT_TYPES", "WEBHOOK_FIELDS"]

_FLAG = Field(bool)
_COUNT = Field(int, low=0)
_ID = Field(str, low=12, high=48)
_TITLE = Field(str, low=1, high=256)
_URL = Field(str, high=2048, nullable=True)

_VARIANT_FIELDS = {
    "id": _ID,
    "title": _TITLE,
    "slug": Field(str, low=1, high=128, nullable=True),
    "description": Field(str, high=1000, nullable=True),
    "sku": Field(str, high=128, nullable=True),
    "options": Field(dict),
    "price": _COUNT,
    "compareAtPrice": replace(_COUNT, nullable=True),
    "images": Field(list, high=10, each=Field(str)),
    "inStock": _FLAG,
    "quantity": replace(_COUNT, nullable=True),
    "trackStock": _FLAG,
    "position": _COUNT,
}
_OPTION_FIELDS = {
    "name": Field(str, required=True, low=1, high=128),
    "values": Field(list, required=True, low=1, high=50, each=Field(str, low=1, high=128)),
    "position": _COUNT,
}

_PRODUCT_FIELDS = {
    "title": replace(_TITLE, required=True),
    "subtitle": Field(str, high=512, nullable=True),
    "description": Field(str, high=10_000, nullable=True),
    "productType": Field(
        str, required=True, choices=("SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY")
    ),
    "price": replace(_COUNT, required=True),
    "compareAtPrice": replace(_COUNT, nullable=True),
    "images": Field(list, high=10, each=Field(str)),
    "message": Field(str, high=1000, nullable=True),
    "inStock": _FLAG,
    "fulfillmentMode": Field(
        str,
        nullable=True,
        choices=(
            "MANAGED_LICENSE",
            "LICENSE_POOL",
            "LICENSE_WEBHOOK",
            "INSTANT_DOWNLOAD",
            "REDIRECT",
            "MANUAL",
        ),
    ),
    "pricingModel": Field(str, choices=("STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED")),
    "status": Field(str, choices=("DRAFT", "ACTIVE")),
    "minimumPrice": replace(_COUNT, nullable=True),
    "maxPerCustomer": Field(int, low=1, nullable=True),
    "availableFrom": Field(str, nullable=True),
    "availableUntil": Field(str, nullable=True),
    "downloadUrl": _URL,
    "redirectUrl": _URL,
    "keyFormat": Field(str, nullable=True, choices=("ALPHANUMERIC", "UUID", "CUSTOM_PREFIX")),
    "customPrefix": Field(str, high=32, nullable=True),
    "maxActivations": Field(int, low=1, nullable=True),
    "licenseDuration": Field(
        str, nullable=True, choices=("THIRTY_DAYS", "NINETY_DAYS", "ONE_YEAR", "LIFETIME")
    ),
    "revokeOnRefund": _FLAG,
    "lowStockThreshold": replace(_COUNT, nullable=True),
    "webhookUrl": _URL,
    "webhookSecret": Field(str, high=256, nullable=True),
    "billingInterval": Field(str, nullable=True, choices=("WEEKLY", "MONTHLY", "YEARLY")),
    "billingAnchor": Field(str, nullable=True, choices=("IMMEDIATELY", "END_OF_PERIOD")),
    "trialDays": replace(_COUNT, nullable=True),
    "licenseKeys": Field(list, high=1000, each=Field(str, low=1, high=512)),
    "variants": Field(list, high=4, each=_VARIANT_FIELDS),
    "options": Field(list, high=20, each=_OPTION_FIELDS),
    "categoryIds": Field(list, high=20, each=_ID),
}

_CATEGORY_FIELDS = {
    "name": Field(
        str,
        required=True,
        low=1,
        high=128,
        pattern=r"[a-zA-Z0-9][a-zA-Z0-9 &'\-.]{0,126}[a-zA-Z0-9]",
    ),
    "slug": Field(str, low=2, high=128, pattern=r"[a-z0-9][a-z0-9\-]{0,126}[a-z0-9]"),
    "description": Field(str, high=500, nullable=True),
    "parentId": replace(_ID, nullable=True),
    "displayOrder": Field(int, low=0, high=9999),
    "icon": Field(str, low=1, high=64, nullable=True, pattern=r"[a-z0-9\-]+"),
    "metaTitle": Field(str, high=128, nullable=True),
    "metaDescription": Field(str, high=320, nullable=True),
    "showInNavigation": _FLAG,
    "featured": _FLAG,
    "isFavourite": _FLAG,
    "isArchived": _FLAG,
    "productIds": Field(list, high=100, each=_ID),
}

EVENT_TYPES = (
    "PAYMENT_PENDING",
    "PAYMENT_PROCESSING",
    "PAYMENT_COMPLETED",
    "PAYMENT_FAILED",
    "PAYMENT_REFUNDED",
    "PAYMENT_DISPUTED",
    "PAYMENT_DISPUTE_WON",
    "PAYMENT_DISPUTE_LOST",
    "PAYMENT_DISPUTE_PREVENTED",
    "SUBSCRIPTION_CREATED",
    "SUBSCRIPTION_RENEWED",
    "SUBSCRIPTION_PAST_DUE",
    "SUBSCRIPTION_CANCELLED",
    "SUBSCRIPTION_PAUSED",
    "SUBSCRIPTION_RESUMED",
    "SUBSCRIPTION_UPDATED",
    "SUBSCRIPTION_TRIAL_ENDING",
    "SUBSCRIPTION_RENEWING",
)
"""Source: P-30. Not imported from ``api``: a sandbox with its names would hide a wrong one."""

WEBHOOK_FIELDS = {
    "url": Field(str, required=True, high=512, pattern="https?://.+"),
    "eventTypes": Field(list, required=True, low=1, each=Field(str, choices=EVENT_TYPES)),
    "note": Field(str, high=256, nullable=True),
    "isEnabled": _FLAG,
    "signatureVersion": Field(str, choices=SIGNATURE_VERSIONS),
}
"""Source: P-35."""

_TIME = Field(str, nullable=True)

_COUPON_FIELDS = {
    "code": Field(str, required=True, low=2, high=64, pattern=r"[A-Za-z0-9_\-]+"),
    "displayName": Field(str, low=1, high=128, nullable=True),
    "description": Field(str, high=500, nullable=True),
    "type": Field(str, required=True, choices=("FIXED", "PERCENTAGE")),
    "value": Field(int, required=True, low=1),
    "minimumPurchase": replace(_COUNT, nullable=True),
    "maxUses": Field(int, low=1, nullable=True),
    "maxUsesPerCustomer": Field(int, low=1, nullable=True),
    "firstPurchaseOnly": _FLAG,
    "startsAt": _TIME,
    "expiresAt": _TIME,
    "enabled": _FLAG,
    "productIds": Field(list, high=50, nullable=True, each=_ID),
}
_METER_FIELDS = {
    "eventName": Field(str, required=True, low=1, high=64, pattern=r"[a-zA-Z0-9_.\-]+"),
    "unitPrice": Field(int, required=True, low=0, high=100_000_000),
    "unitQuantity": Field(int, low=1, high=1_000_000_000),
    "aggregation": Field(str, required=True, choices=("SUM", "MAX", "LAST", "COUNT")),
    "settlement": Field(str, choices=("ARREARS", "BASE_PLUS_OVERAGE")),
    "includedUnits": replace(_COUNT, nullable=True),
}
_USAGE_EVENT_FIELDS = {
    "event_name": Field(str, required=True, low=1, high=64),
    "quantity": replace(_COUNT, required=True),
    "event_at": Field(str),
    "external_id": Field(str, low=1, high=128),
    "metadata": Field(dict),
}
_ATTACHMENT_FIELDS = {
    "attachmentId": replace(_ID, required=True),
    "filename": Field(str, required=True, low=1, high=255),
    "mimeType": Field(str, required=True, low=1, high=128),
    "sizeBytes": Field(int, required=True, low=1, high=10_485_760),
}
_REPORT_TYPES = ("PAYMENT_ACTIVITY", "PAYOUT_RECONCILIATION", "BALANCE_LEDGER", "REFUNDS_DISPUTES")


def _without(fields: dict[str, Field], name: str) -> dict[str, Field]:
    return {key: field for key, field in fields.items() if key != name}


BODIES: Mapping[tuple[str, str], dict[str, Field] | None] = {
    ("POST", "products"): {
        **_without(_PRODUCT_FIELDS, "inStock"),
        "variants": Field(list, high=4, each=_without(_VARIANT_FIELDS, "id")),
    },
    ("PATCH", "products/{product}"): _PRODUCT_FIELDS,
    ("POST", "categories"): _CATEGORY_FIELDS,
    ("PATCH", "categories/{category}"): _CATEGORY_FIELDS,
    ("POST", "webhooks"): _without(WEBHOOK_FIELDS, "isEnabled"),
    ("PATCH", "webhooks/{webhook}"): WEBHOOK_FIELDS,
    ("POST", "refunds/orders/{order}"): {
        "reason": Field(str, choices=("DUPLICATE", "FRAUDULENT", "REQUESTED_BY_CUSTOMER")),
    },
    ("POST", "disputes/{dispute}/evidence"): {
        "access_activity_log": Field(str, required=True, low=1, high=20_000),
    },
    ("POST", "coupons"): _COUPON_FIELDS,
    ("PATCH", "coupons/{coupon}"): _COUPON_FIELDS,
    ("POST", "licenses/verify"): {
        "key": Field(str, required=True, low=1, high=512),
        "productId": _ID,
    },
    ("POST", "subscriptions/{subscription}/cancel"): {"immediate": _FLAG},
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
        "attachments": Field(list, high=5, each=_ATTACHMENT_FIELDS),
    },
    ("POST", "usage"): {
        "subscription_id": replace(_ID, required=True),
        "events": Field(list, required=True, low=1, high=100, each=_USAGE_EVENT_FIELDS),
    },
    ("POST", "products/{product}/meters"): _METER_FIELDS,
    ("PATCH", "products/{product}/meters/{meter}"): _METER_FIELDS,
    ("POST", "reports"): {
        "type": Field(str, required=True, choices=_REPORT_TYPES),
        "periodStart": Field(str, required=True),
        "periodEnd": Field(str, required=True),
        "formats": Field(list, low=1, high=2, each=Field(str, choices=("CSV", "JSON"))),
    },
    ("POST", "tokens/{token}/roll-secret"): None,
}
"""Fields of every body by method and path. A write that is not here takes none; None: not known."""
