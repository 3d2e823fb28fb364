"""Everything the app stores. Import models from here; the modules behind are arrangement."""

from __future__ import annotations

from pandabase_django.models.catalog import Category, Product, ProductCategory, ProductVariant
from pandabase_django.models.change import RowChange
from pandabase_django.models.mirror import MirrorRow
from pandabase_django.models.rotation import RotationAttempt
from pandabase_django.models.sales import Customer, Order, OrderItem
from pandabase_django.models.store import Store
from pandabase_django.models.sync import RequestLog, SyncCursor, SyncRun
from pandabase_django.models.tick import TaskTick
from pandabase_django.models.token import ApiToken, TokenPermission
from pandabase_django.models.webhook import HandledEvent, WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiToken",
    "Category",
    "Customer",
    "HandledEvent",
    "MirrorRow",
    "Order",
    "OrderItem",
    "Product",
    "ProductCategory",
    "ProductVariant",
    "RequestLog",
    "RotationAttempt",
    "RowChange",
    "Store",
    "SyncCursor",
    "SyncRun",
    "TaskTick",
    "TokenPermission",
    "WebhookDelivery",
    "WebhookEndpoint",
]
