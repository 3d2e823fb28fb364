"""All resources that are defined. Whoever adds one names it here (docs/adding-a-resource.md)."""

from __future__ import annotations

from typing import Any

from pandabase_django.services.sync.access.licenses import LICENSES
from pandabase_django.services.sync.access.subscriptions import SUBSCRIPTIONS
from pandabase_django.services.sync.catalog.categories import CATEGORIES
from pandabase_django.services.sync.catalog.coupons import COUPONS
from pandabase_django.services.sync.catalog.products import PRODUCTS
from pandabase_django.services.sync.customers.customers import CUSTOMERS
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.money.balance import LEDGER, PAYOUTS
from pandabase_django.services.sync.money.lists import DISPUTES, REFUNDS
from pandabase_django.services.sync.orders.orders import ORDERS
from pandabase_django.services.sync.request_logs import REQUEST_LOGS

__all__ = ["RESOURCES", "resource_named", "scheduled", "steps_of", "with_runs"]

# Those with runs of their own are synced in this order.
RESOURCES: tuple[Resource[Any], ...] = (
    CATEGORIES,
    PRODUCTS,
    REFUNDS,
    DISPUTES,
    ORDERS,
    CUSTOMERS,
    LEDGER,
    PAYOUTS,
    COUPONS,
    SUBSCRIPTIONS,
    LICENSES,
    REQUEST_LOGS,
)


def resource_named(name: str) -> Resource[Any]:
    """The definition of a resource.

    Raises:
        LookupError: There is none of this name.
    """
    for resource in RESOURCES:
        if resource.name == name:
            return resource
    raise LookupError(f"No resource is called {name}.")


def steps_of(name: str) -> list[Resource[Any]]:
    """The resources that are read within the runs of this one."""
    return [resource for resource in RESOURCES if resource.step_of == name]


def with_runs() -> list[Resource[Any]]:
    """The resources that can be synced by themselves."""
    return [one for one in RESOURCES if not one.step_of]


def scheduled(schedule: Schedule) -> list[Resource[Any]]:
    """The resources with runs of their own that are read then."""
    return [one for one in with_runs() if one.schedule == schedule]
