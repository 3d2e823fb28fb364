"""What the bodies of writes may hold, from the vendor's OpenAPI description."""

from __future__ import annotations

from dataclasses import replace

from pandabase_django.sandbox.signatures import SIGNATURE_VERSIONS
from pandabase_django.sandbox.validation import Field

__all__ = ["CATEGORY_FIELDS", "EVENT_TYPES", "PRODUCT_FIELDS", "WEBHOOK_FIELDS"]

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

PRODUCT_FIELDS = {
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

CATEGORY_FIELDS = {
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
"""Source: P-30."""

WEBHOOK_FIELDS = {
    "url": Field(str, required=True, high=512, pattern="https://.+"),
    "eventTypes": Field(list, required=True, low=1, each=Field(str, choices=EVENT_TYPES)),
    "note": Field(str, high=256, nullable=True),
    "isEnabled": _FLAG,
    "signatureVersion": Field(str, choices=SIGNATURE_VERSIONS),
}
"""Source: P-35."""
