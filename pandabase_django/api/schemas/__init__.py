"""What the remote returns, as frozen objects. The only place that knows its camelCase names.

``payload`` is the object as it came, without known secrets; ``digest`` tells whether it changed.
``warnings`` names fields that did not fit and were left empty (Source: P-26).
"""

from __future__ import annotations

from pandabase_django.api.schemas.base import Page
from pandabase_django.api.schemas.catalog import Category, Product, StoreInfo, Variant
from pandabase_django.api.schemas.sales import (
    BillingAddress,
    Customer,
    Dispute,
    LedgerEntry,
    Order,
    OrderItem,
    OrderRow,
    OrderSummary,
    Payment,
    Refund,
)
from pandabase_django.api.schemas.webhooks import NewWebhook, Webhook

__all__ = [
    "BillingAddress",
    "Category",
    "Customer",
    "Dispute",
    "LedgerEntry",
    "NewWebhook",
    "Order",
    "OrderItem",
    "OrderRow",
    "OrderSummary",
    "Page",
    "Payment",
    "Product",
    "Refund",
    "StoreInfo",
    "Variant",
    "Webhook",
]
