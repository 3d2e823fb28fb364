"""Products, categories and coupons: what a change of them may hold, and what a new one."""

from __future__ import annotations

from dataclasses import replace

from pandabase_django.sandbox.api.validation import Field

__all__ = [
    "CATEGORY",
    "COUPON",
    "NEW_CATEGORY",
    "NEW_COUPON",
    "NEW_PRODUCT",
    "PRODUCT",
    "as_new",
]

_FLAG = Field(bool)
_COUNT = Field(int, low=0)
_ID = Field(str, low=12, high=48)
_TITLE = Field(str, low=1, high=256)
_URL = Field(str, high=2048, nullable=True)
_TIME = Field(str, format="date-time", nullable=True)

_VARIANT_FIELDS = {
    "id": _ID,
    "title": _TITLE,
    "slug": Field(str, low=1, high=128, nullable=True),
    "description": Field(str, high=1000, nullable=True),
    "sku": Field(str, high=128, nullable=True),
    "options": Field(object),
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

PRODUCT = {
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
    "availableFrom": _TIME,
    "availableUntil": _TIME,
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

CATEGORY = {
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

COUPON = {
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


def as_new(fields: dict[str, Field], *, without: str = "", needs: str = "") -> dict[str, Field]:
    """The fields of a body that makes an object: none may be null there.

    Args:
        fields: Those of a change.
        without: Names that a new object can't have yet.
        needs: Names that are required beside those that are so anyway.
    """
    return {
        name: replace(field, nullable=False, required=field.required or name in needs.split())
        for name, field in fields.items()
        if name not in without.split()
    }


_NEW_VARIANT = as_new(_VARIANT_FIELDS, without="id", needs="title options price")
NEW_PRODUCT = {
    **as_new(PRODUCT, without="inStock"),
    "variants": Field(list, high=4, each=_NEW_VARIANT),
}
NEW_CATEGORY = as_new(CATEGORY)
NEW_COUPON = as_new(COUPON)
