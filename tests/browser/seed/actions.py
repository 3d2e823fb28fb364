"""Actions at the remote, and what they act upon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import Order, RemoteAction, Subscription
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.money.lists import DISPUTES
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.single import fetch_row
from tests.browser.seed.remote import change

__all__ = ["fill_actions"]


def fill_actions(remote: dict[str, Any], store: Any, user: Any) -> None:
    """A dispute and a subscription to act upon, and actions that were done, refused and lost."""
    (refunded,) = change(remote, "create_order")
    order, dispute = change(remote, "dispute_order", id=change(remote, "create_order")[0])
    for pk in (refunded, order):
        fetch_order(store, pk)
    fetch_row(store, DISPUTES, dispute)
    pks = [change(remote, "create_subscription", customer=n)[0] for n in (1, 2)]
    for pk in pks:
        fetch_subscription(store, pk)
    row = Order.objects.get(pk=refunded)
    actions.perform(actions.refund(row, reason="The course was cancelled.", by=user))
    paused, lost = (Subscription.objects.get(pk=pk) for pk in pks)
    actions.perform(actions.pause_subscription(paused, reason="On holiday", by=user))
    actions.perform(actions.resume_subscription(paused, reason="Back again", by=user))
    unknown = actions.cancel_subscription(lost, reason="Moved away", by=user)
    now = timezone.now()
    RemoteAction.objects.filter(pk=unknown.pk).update(
        state="UNKNOWN",
        sent_at=now - timedelta(minutes=4),
        looked_at=now - timedelta(minutes=1),
        watch_until=now + timedelta(minutes=56),
        next_attempt_at=now + timedelta(minutes=1),
        outcome="127.0.0.1:8000 did not answer in time.",
    )
