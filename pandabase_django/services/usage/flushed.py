"""Whether all usage before a moment has reached the remote."""

from __future__ import annotations

from datetime import datetime

from pandabase_django.models import Store, Subscription, UsageRecord

__all__ = ["usage_flushed_before"]


def usage_flushed_before(
    period_end: datetime,
    *,
    subscription: Subscription | str | None = None,
    store: Store | str | None = None,
) -> bool:
    """Whether all that was used before a moment, and is committed, was sent or dropped.

    What is rejected and waits for a person is not. What a transaction that is still open records
    can't be seen yet: ask once the last of the period is committed.

    Args:
        period_end: When the period ends; the moment itself belongs to the next one.
        subscription: Of this one alone, or its id.
        store: Of this store alone, or its id.
    """
    rows = UsageRecord.objects.unsettled().filter(at__lt=period_end)
    if subscription is not None:
        rows = rows.filter(subscription=_pk(subscription))
    if store is not None:
        rows = rows.filter(store=_pk(store))
    return not rows.exists()


def _pk(row: Store | Subscription | str) -> str:
    return row if isinstance(row, str) else row.pk
