"""Actions at the remote, and what they act upon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import Dispute, Order, RemoteAction, Store, Subscription
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.money.lists import DISPUTES
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.single import fetch_row
from tests.browser.seed.remote import change

__all__ = ["fill_actions"]


def fill_actions(remote: dict[str, Any], store: Store, user: Any) -> None:
    """Things to act upon, and actions that were done, refused and lost, and are under way."""
    _act_on_orders(remote, store, user)
    _act_on_disputes(remote, store, user)
    _act_on_subscriptions(remote, store, user)


def _act_on_orders(remote: dict[str, Any], store: Store, user: Any) -> None:
    done, twice, waits = (_order(remote, store) for _ in range(3))
    actions.perform(actions.refund(done, reason="The course was cancelled.", by=user))
    # It is refunded in the dashboard, and the copy here does not know that.
    change(remote, "refund_order", id=twice.pk)
    actions.perform(actions.refund(twice, reason="Bought by mistake.", by=user))
    actions.refund(waits, reason="Paid for twice.", by=user)


def _act_on_disputes(remote: dict[str, Any], store: Store, user: Any) -> None:
    _open, answered, late = (_dispute(remote, store) for _ in range(3))
    text = "2026-11-20 18:02 signed in\n2026-11-20 18:05 watched lesson 1 to the end"
    actions.perform(actions.submit_evidence(answered, text, reason="Delivered.", by=user))
    sent = actions.submit_evidence(late, text, reason="Delivered.", by=user)
    RemoteAction.objects.filter(pk=sent.pk).update(
        state="SENT", tries=1, sent_at=timezone.now() - timedelta(seconds=4)
    )


def _act_on_subscriptions(remote: dict[str, Any], store: Store, user: Any) -> None:
    paused, lost, ended, grown, given_up = (
        _subscription(remote, store, customer) for customer in range(1, 6)
    )
    actions.perform(actions.pause_subscription(paused, reason="On holiday", by=user))
    actions.perform(actions.resume_subscription(paused, reason="Back again", by=user))
    at_once = actions.cancel_subscription(ended, immediate=True, reason="Moved away", by=user)
    actions.perform(at_once)
    more = actions.change_plan(grown, quantity=3, reason="Two colleagues joined.", by=user)
    actions.perform(more)
    unknown = actions.cancel_subscription(lost, reason="Moved away", by=user)
    _lose(unknown, minutes=4, watched=60)
    forgotten = actions.pause_subscription(given_up, reason="On holiday", by=user)
    _lose(forgotten, minutes=90, watched=60)


def _lose(action: RemoteAction, *, minutes: int, watched: int) -> None:
    """No answer came, so many minutes ago; it is looked for so many minutes from then on."""
    now = timezone.now()
    sent = now - timedelta(minutes=minutes)
    ends = sent + timedelta(minutes=watched)
    over = ends <= now
    RemoteAction.objects.filter(pk=action.pk).update(
        state="UNKNOWN",
        tries=1,
        asked_at=sent,
        sent_at=sent,
        looked_at=min(ends, now - timedelta(minutes=1)),
        watch_until=ends,
        next_attempt_at=None if over else now + timedelta(minutes=1),
        closed_at=ends if over else None,
        settled_by="TIME" if over else "",
        outcome="127.0.0.1:8000 did not answer in time.",
    )


def _order(remote: dict[str, Any], store: Store) -> Order:
    (pk,) = change(remote, "create_order")
    fetch_order(store, pk)
    return Order.objects.get(pk=pk)


def _dispute(remote: dict[str, Any], store: Store) -> Dispute:
    order, pk = change(remote, "dispute_order", id=change(remote, "create_order")[0])
    fetch_order(store, order)
    fetch_row(store, DISPUTES, pk)
    return Dispute.objects.get(pk=pk)


def _subscription(remote: dict[str, Any], store: Store, customer: int) -> Subscription:
    (pk,) = change(remote, "create_subscription", customer=customer)
    fetch_subscription(store, pk)
    return Subscription.objects.get(pk=pk)
