"""The admin: tokens and syncs are run from here; mirrors are only read."""

from __future__ import annotations

from pandabase_django.admin.access.links import CustomerLinkAdmin
from pandabase_django.admin.actions.history import RemoteActionAdmin
from pandabase_django.admin.checkout.purchases import PurchaseAdmin
from pandabase_django.admin.checkout.sessions import CheckoutSessionAdmin
from pandabase_django.admin.mirror.catalog import CategoryAdmin, ProductAdmin
from pandabase_django.admin.mirror.coupons import CouponAdmin
from pandabase_django.admin.mirror.customers import CustomerAdmin
from pandabase_django.admin.mirror.licenses import LicenseAdmin
from pandabase_django.admin.mirror.money import (
    DisputeAdmin,
    LedgerEntryAdmin,
    PayoutAdmin,
    RefundAdmin,
)
from pandabase_django.admin.mirror.orders import OrderAdmin
from pandabase_django.admin.mirror.subscriptions import SubscriptionAdmin
from pandabase_django.admin.people.erasures import ErasureAdmin
from pandabase_django.admin.rotation.attempts import RotationAttemptAdmin
from pandabase_django.admin.sync.request_logs import RequestLogAdmin
from pandabase_django.admin.sync.runs import SyncRunAdmin
from pandabase_django.admin.sync.stores import StoreAdmin
from pandabase_django.admin.tokens.token import ApiTokenAdmin
from pandabase_django.admin.usage.records import UsageRecordAdmin
from pandabase_django.admin.webhooks.deliveries import WebhookDeliveryAdmin
from pandabase_django.admin.webhooks.endpoints import WebhookEndpointAdmin

__all__ = [
    "ApiTokenAdmin",
    "CategoryAdmin",
    "CheckoutSessionAdmin",
    "CouponAdmin",
    "CustomerAdmin",
    "CustomerLinkAdmin",
    "DisputeAdmin",
    "ErasureAdmin",
    "LedgerEntryAdmin",
    "LicenseAdmin",
    "OrderAdmin",
    "PayoutAdmin",
    "ProductAdmin",
    "PurchaseAdmin",
    "RefundAdmin",
    "RemoteActionAdmin",
    "RequestLogAdmin",
    "RotationAttemptAdmin",
    "StoreAdmin",
    "SubscriptionAdmin",
    "SyncRunAdmin",
    "UsageRecordAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
