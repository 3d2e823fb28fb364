"""What the remote returns, as frozen objects. The only place that knows its camelCase names.

``payload`` is the object as it came, without known secrets; ``digest`` shows whether it changed.
``warnings`` names fields that did not fit and were left empty (Source: P-26).
"""

from __future__ import annotations

from pandabase_django.api.schemas.base import Page
from pandabase_django.api.schemas.catalog import Category, Coupon, Product, StoreInfo, Variant
from pandabase_django.api.schemas.checkout import CheckoutLine, CheckoutSession, Estimate
from pandabase_django.api.schemas.customers import Case, CaseMessage, CustomerRecord, Fulfilment
from pandabase_django.api.schemas.licenses import (
    License,
    LicenseVerification,
    hide_keys,
    read_license,
)
from pandabase_django.api.schemas.money import (
    BankAccount,
    CountrySales,
    Dispute,
    GrossVolume,
    LedgerEntry,
    Overview,
    Payment,
    Payout,
    Refund,
    Report,
    ReportDownload,
)
from pandabase_django.api.schemas.request_logs import RequestLogEntry
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
from pandabase_django.api.schemas.usage import Meter, SubscriptionUsage, UsageAnswer, UsageEvent
from pandabase_django.api.schemas.webhooks import NewWebhook, Webhook

__all__ = [
    "BankAccount",
    "Case",
    "CaseMessage",
    "Category",
    "CheckoutLine",
    "CheckoutSession",
    "CountrySales",
    "Coupon",
    "Customer",
    "CustomerRecord",
    "Dispute",
    "Estimate",
    "Fulfilment",
    "GrossVolume",
    "LedgerEntry",
    "License",
    "LicenseVerification",
    "Meter",
    "NewWebhook",
    "Order",
    "OrderItem",
    "OrderRow",
    "OrderSummary",
    "Overview",
    "Page",
    "Payment",
    "Payout",
    "Product",
    "Refund",
    "Report",
    "ReportDownload",
    "RequestLogEntry",
    "StoreInfo",
    "Storefront",
    "StorefrontCategory",
    "StorefrontProduct",
    "Subscription",
    "SubscriptionUsage",
    "UpcomingInvoice",
    "UsageAnswer",
    "UsageEvent",
    "Variant",
    "Webhook",
    "hide_keys",
    "read_license",
    "say_the_same",
]
