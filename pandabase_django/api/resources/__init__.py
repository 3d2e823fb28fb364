"""The client's methods, by subject.

Written by ``.ci/methods.py``: change that, and not this file.
"""

from __future__ import annotations

from pandabase_django.api.listing import Caller
from pandabase_django.api.resources.catalog import Categories, Coupons, Products, Store
from pandabase_django.api.resources.money import Analytics, Ledger, Payouts, Reports
from pandabase_django.api.resources.sales import Customers, Disputes, Orders, Payments, Refunds
from pandabase_django.api.resources.subscriptions import Licenses, Subscriptions
from pandabase_django.api.resources.support import Cases, RequestLogs, Webhooks
from pandabase_django.api.resources.usage import Meters, Usage

__all__ = [
    "Analytics",
    "Cases",
    "Categories",
    "Coupons",
    "Customers",
    "Disputes",
    "Ledger",
    "Licenses",
    "Meters",
    "Namespaces",
    "Orders",
    "Payments",
    "Payouts",
    "Products",
    "Refunds",
    "Reports",
    "RequestLogs",
    "Store",
    "Subscriptions",
    "Usage",
    "Webhooks",
]


class Namespaces:
    """The client's methods, by subject."""

    def __init__(self, client: Caller) -> None:
        self.store: Store = Store(client)
        self.products: Products = Products(client)
        self.categories: Categories = Categories(client)
        self.coupons: Coupons = Coupons(client)
        self.orders: Orders = Orders(client)
        self.payments: Payments = Payments(client)
        self.customers: Customers = Customers(client)
        self.refunds: Refunds = Refunds(client)
        self.disputes: Disputes = Disputes(client)
        self.payouts: Payouts = Payouts(client)
        self.ledger: Ledger = Ledger(client)
        self.analytics: Analytics = Analytics(client)
        self.reports: Reports = Reports(client)
        self.subscriptions: Subscriptions = Subscriptions(client)
        self.licenses: Licenses = Licenses(client)
        self.usage: Usage = Usage(client)
        self.meters: Meters = Meters(client)
        self.cases: Cases = Cases(client)
        self.webhooks: Webhooks = Webhooks(client)
        self.request_logs: RequestLogs = RequestLogs(client)
