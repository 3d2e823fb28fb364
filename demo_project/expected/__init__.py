"""What every column of the mirror must hold, told from the sandbox's own dump.

The witness of the demo and of the tests: it knows the remote's objects and the tables, and none of
the code between them.
"""

from __future__ import annotations

from demo_project.expected.access import LICENSES, SUBSCRIPTIONS
from demo_project.expected.catalog import CATEGORIES, COUPONS, LINKS, PRODUCTS, VARIANTS
from demo_project.expected.kinds import Kind
from demo_project.expected.money import DISPUTES, LEDGER, PAYOUTS, REFUNDS
from demo_project.expected.sales import CUSTOMERS, ITEMS, LISTED_CUSTOMERS, ORDERS

__all__ = [
    "BESIDE_ORDERS",
    "CATALOG",
    "CUSTOMERS",
    "DISPUTES",
    "KINDS",
    "LISTED_CUSTOMERS",
    "OF_EVERY_SYNC",
    "REFUNDS",
    "SALES",
    "Kind",
]

CATALOG = (CATEGORIES, PRODUCTS, VARIANTS, LINKS)
SALES = (ORDERS, ITEMS, CUSTOMERS)
BESIDE_ORDERS = (
    REFUNDS,
    DISPUTES,
    LEDGER,
    PAYOUTS,
    LISTED_CUSTOMERS,
    COUPONS,
    SUBSCRIPTIONS,
    LICENSES,
)
KINDS = (*CATALOG, *SALES)
OF_EVERY_SYNC = (*KINDS, REFUNDS, DISPUTES)
