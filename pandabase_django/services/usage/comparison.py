"""Compares what was sent with what the remote lists. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.api.schemas import UsageEvent
from pandabase_django.models import Store, UsageRecord
from pandabase_django.services.sync.due.causes import LAG_AT_MOST
from pandabase_django.services.tokens.clients import client_for

__all__ = ["UsageDifference", "compare_usage"]

MARGIN = timedelta(seconds=1)
State = UsageRecord.State


@dataclass(frozen=True, slots=True)
class UsageDifference:
    """One event that is not the same here and there.

    Attributes:
        kind: ``missing`` at the remote though sent, ``unexpected`` there, or ``different``.
        subscription_id: Whose.
        external_id: Of the event; the remote's own id of one that has none.
        here: The quantity here; None when nothing of the kind was sent.
        there: The quantity there; None when it is not listed.
    """

    kind: str
    subscription_id: str
    external_id: str
    here: int | None
    there: int | None


def compare_usage(
    store: Store, *, since: datetime, until: datetime, subscription_id: str = ""
) -> Iterator[UsageDifference]:
    """What differs of all that was used between two moments.

    Subscriptions are those that have records of that time here. What still waits is no difference,
    and what was sent a moment ago may be missing: a list lags.

    Args:
        store: Whose.
        since: From this moment on.
        until: Before this one.
        subscription_id: Of this one alone, whatever is here.

    Raises:
        PandabaseError: The remote could not be asked.
    """
    used = UsageRecord.objects.filter(store=store, at__gte=since, at__lt=until)
    subscriptions = [subscription_id] if subscription_id else _subscriptions(used)
    with client_for(store) as client:
        for one in subscriptions:
            yield from _compare(client, store, one, since=since, until=until)


def _subscriptions(used: Any) -> list[str]:
    return sorted(set(used.values_list("subscription", flat=True).distinct()))


def _compare(
    client: Client, store: Store, subscription_id: str, *, since: datetime, until: datetime
) -> Iterator[UsageDifference]:
    rows = UsageRecord.objects.filter(store=store, subscription=subscription_id)
    # Before the list is read: what is sent meanwhile may not be in it.
    listed_by = timezone.now() - LAG_AT_MOST
    sent = list(
        rows.filter(at__gte=since, at__lt=until, state=State.SENT).values_list(
            "external_id", "quantity", "settled_at"
        )
    )
    there: dict[str, UsageEvent] = {}
    between: dict[str, Any] = {"from": since - MARGIN, "to": until + MARGIN}
    for event in client.usage.iterate(subscription_id=subscription_id, **between):
        there[event.external_id or event.id] = event
    for external_id, quantity, settled_at in sent:
        found = there.pop(external_id, None)
        if found is None:
            if settled_at is None or settled_at <= listed_by:
                yield UsageDifference("missing", subscription_id, external_id, quantity, None)
        elif found.quantity != quantity:
            yield UsageDifference(
                "different", subscription_id, external_id, quantity, found.quantity
            )
    known = set(
        rows.filter(
            at__gte=since - 2 * MARGIN,
            at__lt=until + 2 * MARGIN,
            state__in=[State.PENDING, State.SENDING, State.SENT],
        ).values_list("external_id", flat=True)
    )
    for external_id, event in there.items():
        inside = event.event_at is None or since <= event.event_at < until
        if inside and external_id not in known:
            yield UsageDifference("unexpected", subscription_id, external_id, None, event.quantity)
