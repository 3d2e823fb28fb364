"""What the remote returns, as frozen objects. The only place that knows its camelCase names.

``payload`` is the object as it came, without known secrets; ``digest`` shows whether it changed.
``warnings`` names fields that did not fit and were left empty (Source: P-26).
"""

from __future__ import annotations

from pandabase_django.api.schemas.base import Page
from pandabase_django.api.schemas.catalog import Category, Coupon, Product, StoreInfo, Variant
from pandabase_django.api.schemas.checkout import CheckoutLine, CheckoutSession, Estimate
from pandabase_django.api.schemas.customers import CustomerRecord
from pandabase_django.api.schemas.licenses import (
    License,
    LicenseVerification,
    hide_keys,
    read_license,
)
from pandabase_django.api.schemas.money import Dispute, LedgerEntry, Payout, Refund
from pandabase_django.api.schemas.sales import (
    Customer,
    Order,
    OrderItem,
    OrderRow,
    OrderSummary,
    say_the_same,
)
from pandabase_django.api.schemas.storefront import (
    Storefront,
    StorefrontCategory,
    StorefrontProduct,
)
from pandabase_django.api.schemas.subscriptions import Subscription, UpcomingInvoice
from pandabase_django.api.schemas.usage import UsageAnswer, UsageEvent
from pandabase_django.api.schemas.webhooks import NewWebhook, Webhook

__all__ = [
    "Category",
    "CheckoutLine",
    "CheckoutSession",
    "Coupon",
    "Customer",
    "CustomerRecord",
    "Dispute",
    "Estimate",
    "LedgerEntry",
    "License",
    "LicenseVerification",
    "NewWebhook",
    "Order",
    "OrderItem",
    "OrderRow",
    "OrderSummary",
    "Page",
    "Payout",
    "Product",
    "Refund",
    "StoreInfo",
    "Storefront",
    "StorefrontCategory",
    "StorefrontProduct",
    "Subscription",
    "UpcomingInvoice",
    "UsageAnswer",
    "UsageEvent",
    "Variant",
    "Webhook",
    "hide_keys",
    "read_license",
    "say_the_same",
]
