"""The permission codes of the Store API (Source: P-11)."""

from __future__ import annotations

import re

__all__ = ["KNOWN_PERMISSIONS", "RESOURCES", "codes_in", "split"]

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

_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:READ|WRITE)\b")


def split(code: str) -> tuple[str, str]:
    """Resource and access of a code; the access is "" when it is neither READ nor WRITE."""
    resource, _, access = code.rpartition("_")
    return (resource, access) if resource and access in ("READ", "WRITE") else (code, "")


def codes_in(text: str) -> tuple[str, ...]:
    """Codes named in the text of a 403, each once, in order, unknown resources included.

    Source: P-09.
    """
    return tuple(dict.fromkeys(_CODE.findall(text)))
