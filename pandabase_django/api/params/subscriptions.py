"""Bodies, filters and paths: subscriptions and licences. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "LicensePath",
    "LicenseVerifyBody",
    "LicensesListFilters",
    "LicensesListQuery",
    "SubscriptionCancelBody",
    "SubscriptionChangeBody",
    "SubscriptionPath",
    "SubscriptionsListFilters",
    "SubscriptionsListQuery",
]


class LicensesListQuery(TypedDict, total=False):
    """Query of ``licenses_list``."""

    page: int
    limit: int
    productId: str
    status: Literal["AVAILABLE", "CLAIMED", "REVOKED"]


class LicensesListFilters(TypedDict, total=False):
    """Filters of the method for ``licenses_list``."""

    product_id: str
    status: Literal["AVAILABLE", "CLAIMED", "REVOKED"]


class LicensePath(TypedDict):
    """What the path of ``license_get`` names."""

    license_id: str


class _LicenseVerifyBody(TypedDict):
    key: str


class LicenseVerifyBody(_LicenseVerifyBody, total=False):
    """Body of ``license_verify``."""

    productId: str


class SubscriptionsListQuery(TypedDict, total=False):
    """Query of ``subscriptions_list``."""

    page: int
    limit: int
    status: Literal["TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED"]
    product_id: str
    customer_id: str


class SubscriptionsListFilters(TypedDict, total=False):
    """Filters of the method for ``subscriptions_list``."""

    status: Literal["TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED"]
    product_id: str
    customer_id: str


class SubscriptionPath(TypedDict):
    """What the path of ``subscription_get`` names."""

    subscription_id: str


class SubscriptionCancelBody(TypedDict, total=False):
    """Body of ``subscription_cancel``."""

    immediate: bool


class SubscriptionChangeBody(TypedDict, total=False):
    """Body of ``subscription_change``."""

    product_id: str
    variant_id: str | None
    billing_interval: Literal["WEEKLY", "MONTHLY", "YEARLY"]
    quantity: int
    proration_behavior: Literal["IMMEDIATELY", "END_OF_PERIOD"]
