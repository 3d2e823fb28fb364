"""The asynchronous client's methods.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from pandabase_django.api.aio.base import Run
from pandabase_django.api.aio.catalog import (
    AsyncCategories,
    AsyncCoupons,
    AsyncProducts,
    AsyncStore,
)
from pandabase_django.api.aio.money import AsyncAnalytics, AsyncLedger, AsyncPayouts, AsyncReports
from pandabase_django.api.aio.sales import (
    AsyncCustomers,
    AsyncDisputes,
    AsyncOrders,
    AsyncPayments,
    AsyncRefunds,
)
from pandabase_django.api.aio.subscriptions import AsyncLicenses, AsyncSubscriptions
from pandabase_django.api.aio.support import AsyncCases, AsyncRequestLogs, AsyncWebhooks
from pandabase_django.api.aio.usage import AsyncMeters, AsyncUsage
from pandabase_django.api.resources import Namespaces

__all__ = [
    "AsyncAnalytics",
    "AsyncCases",
    "AsyncCategories",
    "AsyncCoupons",
    "AsyncCustomers",
    "AsyncDisputes",
    "AsyncLedger",
    "AsyncLicenses",
    "AsyncMeters",
    "AsyncNamespaces",
    "AsyncOrders",
    "AsyncPayments",
    "AsyncPayouts",
    "AsyncProducts",
    "AsyncRefunds",
    "AsyncReports",
    "AsyncRequestLogs",
    "AsyncStore",
    "AsyncSubscriptions",
    "AsyncUsage",
    "AsyncWebhooks",
]


class AsyncNamespaces:
    """The asynchronous client's methods."""

    def __init__(self, client: Namespaces, run: Run) -> None:
        self.store: AsyncStore = AsyncStore(client.store, run)
        self.products: AsyncProducts = AsyncProducts(client.products, run)
        self.categories: AsyncCategories = AsyncCategories(client.categories, run)
        self.coupons: AsyncCoupons = AsyncCoupons(client.coupons, run)
        self.orders: AsyncOrders = AsyncOrders(client.orders, run)
        self.payments: AsyncPayments = AsyncPayments(client.payments, run)
        self.customers: AsyncCustomers = AsyncCustomers(client.customers, run)
        self.refunds: AsyncRefunds = AsyncRefunds(client.refunds, run)
        self.disputes: AsyncDisputes = AsyncDisputes(client.disputes, run)
        self.payouts: AsyncPayouts = AsyncPayouts(client.payouts, run)
        self.ledger: AsyncLedger = AsyncLedger(client.ledger, run)
        self.analytics: AsyncAnalytics = AsyncAnalytics(client.analytics, run)
        self.reports: AsyncReports = AsyncReports(client.reports, run)
        self.subscriptions: AsyncSubscriptions = AsyncSubscriptions(client.subscriptions, run)
        self.licenses: AsyncLicenses = AsyncLicenses(client.licenses, run)
        self.usage: AsyncUsage = AsyncUsage(client.usage, run)
        self.meters: AsyncMeters = AsyncMeters(client.meters, run)
        self.cases: AsyncCases = AsyncCases(client.cases, run)
        self.webhooks: AsyncWebhooks = AsyncWebhooks(client.webhooks, run)
        self.request_logs: AsyncRequestLogs = AsyncRequestLogs(client.request_logs, run)
