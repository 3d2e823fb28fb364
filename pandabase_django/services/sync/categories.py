"""Categories, read whole in every run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pandabase_django.api import schemas
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import Category
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.rows import category_row
from pandabase_django.services.sync.sweep import SyncContext, bury, read_through
from pandabase_django.services.sync.upsert import upsert

__all__ = ["sync_categories"]

# A product shows these of its categories, and is not dated as changed when they change.
SHOWN_BY_PRODUCTS = frozenset({"name", "slug", "gone_at"})


def sync_categories(context: SyncContext, *, on_shown_change: Callable[[], None]) -> None:
    """Make the local categories equal the remote's; without their permission, leave them out.

    Args:
        context: The run.
        on_shown_change: Called inside the transaction in which a category went, came back or
            changed in what products show of it.

    Raises:
        PandabaseError: Whatever stopped the reading.
    """
    client = context.client

    def write(batch: list[schemas.Category], now: datetime) -> None:
        rows = [category_row(item, store_id=context.store.pk, now=now) for item in batch]
        for item in batch:
            context.recorder.warn(item.warnings)
        outcome = upsert(Category, rows, dry_run=context.dry_run)
        context.recorder.add(outcome)
        if any(SHOWN_BY_PRODUCTS.intersection(change.columns) for change in outcome.changes):
            on_shown_change()

    with context.recorder.step("categories: full pass") as entry:
        try:
            reading = read_through(
                context,
                fetch=lambda page: client.categories.list(
                    page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
                ),
                write=write,
            )
        except MissingPermission as error:
            context.recorder.leave_out(f"Categories were left out: {error}")
            return
        entry["clean"] = reading.clean
        if not reading.clean:
            context.recorder.warn([f"Categories: {reading.why_unclean}"])
            return
        bury(
            context,
            model=Category,
            reading=reading,
            get=client.categories.get,
            control=lambda: client.categories.list(page=1, limit=1),
            mourn=lambda ids, now: on_shown_change(),
        )
