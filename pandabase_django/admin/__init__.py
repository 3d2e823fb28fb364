"""The admin: tokens and syncs are run from here; mirrors are only read."""

from __future__ import annotations

from pandabase_django.admin.catalog import CategoryAdmin, ProductAdmin
from pandabase_django.admin.customers import CustomerAdmin
from pandabase_django.admin.deliveries import WebhookDeliveryAdmin
from pandabase_django.admin.orders import OrderAdmin
from pandabase_django.admin.request_logs import RequestLogAdmin
from pandabase_django.admin.rotations import RotationAttemptAdmin
from pandabase_django.admin.runs import SyncRunAdmin
from pandabase_django.admin.stores import StoreAdmin
from pandabase_django.admin.tokens import ApiTokenAdmin
from pandabase_django.admin.webhooks import WebhookEndpointAdmin

__all__ = [
    "ApiTokenAdmin",
    "CategoryAdmin",
    "CustomerAdmin",
    "OrderAdmin",
    "ProductAdmin",
    "RequestLogAdmin",
    "RotationAttemptAdmin",
    "StoreAdmin",
    "SyncRunAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
