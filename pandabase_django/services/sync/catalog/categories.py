"""Categories, read whole in every run of the products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pandabase_django.models import Category
from pandabase_django.services.sync.mirror.resource import Due, Resource
from pandabase_django.services.sync.readings.changes import Frontier
from pandabase_django.services.sync.readings.sweep import Sweep
from pandabase_django.services.sync.readings.unseen import orders_by
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.outcome import Change

__all__ = ["CATEGORIES"]

# A product shows these of its categories, and is not dated as changed when they change.
SHOWN_BY_PRODUCTS = frozenset({"name", "slug", "gone_at"})


def _products_are_due(context: RunContext, due: Due, changes: Sequence[Change[Any]]) -> None:
    if any(SHOWN_BY_PRODUCTS.intersection(change.columns) for change in changes):
        _read_products_whole(context)


def _read_products_whole(context: RunContext, *_: object) -> None:
    context.checkpoints.drop("products", Frontier)
    context.keep_checkpoints()


CATEGORIES = Resource(
    name="categories",
    step_of="products",
    model=Category,
    listing=lambda client: client.categories.listing,
    permission="CATEGORIES_READ",
    readings=[Sweep(others=orders_by("name", "displayOrder", "updatedAt"))],
    makes_due=_products_are_due,
    went=_read_products_whole,
)
