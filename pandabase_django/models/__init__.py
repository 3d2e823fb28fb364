"""Everything the app stores. Import models from here; the modules behind are arrangement."""

from __future__ import annotations

from pandabase_django.models.access.licenses import License
from pandabase_django.models.access.links import CustomerLink
from pandabase_django.models.access.subscriptions import Subscription
from pandabase_django.models.actions import RemoteAction
from pandabase_django.models.base.mirror import MirrorRow
from pandabase_django.models.catalog import (
    Category,
    Coupon,
    Product,
    ProductCategory,
    ProductVariant,
)
from pandabase_django.models.changes import RowChange
from pandabase_django.models.checkout.purchases import HandledFact, Purchase, PurchaseFact
from pandabase_django.models.checkout.sessions import CheckoutSession
from pandabase_django.models.money import Dispute, LedgerEntry, Payout, Refund
from pandabase_django.models.orders import Customer, Order, OrderItem
from pandabase_django.models.outages import RemoteOutage
from pandabase_django.models.people.erasures import ErasedHash, Erasure, ErasureKey
from pandabase_django.models.rotation import RotationAttempt
from pandabase_django.models.stores import Store
from pandabase_django.models.sync import RequestLog, SyncCursor, SyncRun
from pandabase_django.models.ticks import TaskTick
from pandabase_django.models.tokens import ApiToken, TokenPermission
from pandabase_django.models.usage import UsageRecord
from pandabase_django.models.webhooks import (
    HandledEvent,
    RefusedDeliveries,
    WebhookDelivery,
    WebhookEndpoint,
)

__all__ = [
    "ApiToken",
    "Category",
    "CheckoutSession",
    "Coupon",
    "Customer",
    "CustomerLink",
    "Dispute",
    "ErasedHash",
    "Erasure",
    "ErasureKey",
    "HandledEvent",
    "HandledFact",
    "LedgerEntry",
    "License",
    "MirrorRow",
    "Order",
    "OrderItem",
    "Payout",
    "Product",
    "ProductCategory",
    "ProductVariant",
    "Purchase",
    "PurchaseFact",
    "Refund",
    "RefusedDeliveries",
    "RemoteAction",
    "RemoteOutage",
    "RequestLog",
    "RotationAttempt",
    "RowChange",
    "Store",
    "Subscription",
    "SyncCursor",
    "SyncRun",
    "TaskTick",
    "TokenPermission",
    "UsageRecord",
    "WebhookDelivery",
    "WebhookEndpoint",
]
