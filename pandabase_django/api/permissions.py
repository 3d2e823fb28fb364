"""The permission codes of the Store API (Source: P-11)."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["KNOWN_PERMISSIONS", "PRESETS", "READ_PROBES", "RESOURCES", "codes_in", "split"]

# ANALYTICS can be read only.
RESOURCES: tuple[str, ...] = (
    "ANALYTICS",
    "CASES",
    "CATEGORIES",
    "COUPONS",
    "CUSTOMERS",
    "DISPUTES",
    "LICENSES",
    "METERS",
    "ORDERS",
    "PAYOUTS",
    "PRODUCTS",
    "REFUNDS",
    "REPORTS",
    "STORE",
    "SUBSCRIPTIONS",
    "USAGE",
    "WEBHOOKS",
)

KNOWN_PERMISSIONS: tuple[str, ...] = tuple(
    f"{resource}_{access}"
    for resource in RESOURCES
    for access in ("READ", "WRITE")
    if (resource, access) != ("ANALYTICS", "WRITE")
)

# What people usually give a token, by what it is for.
PRESETS: Mapping[str, tuple[str, ...]] = {
    "read_only": tuple(code for code in KNOWN_PERMISSIONS if code.endswith("_READ")),
    "catalog": (
        "CATEGORIES_READ",
        "CATEGORIES_WRITE",
        "COUPONS_READ",
        "COUPONS_WRITE",
        "METERS_READ",
        "METERS_WRITE",
        "PRODUCTS_READ",
        "PRODUCTS_WRITE",
        "STORE_READ",
    ),
    "fulfilment": (
        "CASES_READ",
        "CASES_WRITE",
        "CUSTOMERS_READ",
        "DISPUTES_READ",
        "LICENSES_READ",
        "LICENSES_WRITE",
        "ORDERS_READ",
        "ORDERS_WRITE",
        "PRODUCTS_READ",
        "REFUNDS_READ",
        "REFUNDS_WRITE",
        "STORE_READ",
    ),
    "all": KNOWN_PERMISSIONS,
}

# The operation that shows whether a resource may be read, by one small GET.
READ_PROBES: Mapping[str, str] = {
    "ANALYTICS": "analytics_overview",
    "CASES": "cases_list",
    "CATEGORIES": "categories_list",
    "COUPONS": "coupons_list",
    "CUSTOMERS": "customers_list",
    "DISPUTES": "disputes_list",
    "LICENSES": "licenses_list",
    "METERS": "product_meters_list",
    "ORDERS": "orders_list",
    "PAYOUTS": "payouts_list",
    "PRODUCTS": "products_list",
    "REFUNDS": "refunds_list",
    "REPORTS": "reports_list",
    "STORE": "store_get",
    "SUBSCRIPTIONS": "subscriptions_list",
    "USAGE": "usage_list",
    "WEBHOOKS": "webhooks_list",
}

MAX_CODE_CHARACTERS = 100  # a longer word is no code, and no row could keep it
_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:READ|WRITE)\b")


def split(code: str) -> tuple[str, str]:
    """Resource and access of a code; the access is "" when it is neither READ nor WRITE."""
    resource, _, access = code.rpartition("_")
    return (resource, access) if resource and access in ("READ", "WRITE") else (code, "")


def codes_in(text: str) -> tuple[str, ...]:
    """Codes named in the text of a 403, each once, in order, unknown resources included.

    Source: P-09.
    """
    found = (code for code in _CODE.findall(text) if len(code) <= MAX_CODE_CHARACTERS)
    return tuple(dict.fromkeys(found))
