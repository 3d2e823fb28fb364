"""Which deliveries wait, which are asked for again, and which are old enough to go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import ApiToken, HandledEvent, TokenPermission, WebhookDelivery
from pandabase_django.services.attempts.waiting import WAITS, put_back, take_due
from pandabase_django.services.tokens.holding import stores_elsewhere
from pandabase_django.services.tokens.permissions import Permission, permissions_of
from pandabase_django.services.tokens.refusals import REFUSED_WORDS
from pandabase_django.services.webhooks.refusals import prune_refusals

__all__ = [
    "NOT_FETCHED",
    "ORDER_BEHIND",
    "RAISED",
    "REFUSED",
    "SUBSCRIPTION_BEHIND",
    "dead_letters",
    "due_deliveries",
    "mark_not_enqueued",
    "prune",
    "refused_dead_letters",
    "replay",
    "store_of_payment",
    "works_since",
]

PRUNE_AT_ONCE = 1000

State = WebhookDelivery.State
# After these an order's licences may be others.
_PAID_OR_REVERSED = (
    "PAYMENT_COMPLETED",
    "PAYMENT_REFUNDED",
    "PAYMENT_DISPUTED",
    "PAYMENT_DISPUTE_WON",
    "PAYMENT_DISPUTE_LOST",
)

# How errors begin once what the event names was fetched.
RAISED, ORDER_BEHIND = "Raised: ", "The order is still "
SUBSCRIPTION_BEHIND = "The subscription is still "
NOT_FETCHED = ~reduce(
    or_,
    (Q(last_error__startswith=text) for text in (RAISED, ORDER_BEHIND, SUBSCRIPTION_BEHIND)),
)
REFUSED = Q(state=State.DEAD) & reduce(
    or_, (Q(last_error__contains=words) for words in REFUSED_WORDS)
)
"""Given up because the store's token was refused, or it had none."""


def due_deliveries(*, now: datetime | None = None) -> list[int]:
    """Ids of deliveries that nobody works on though they are due; notes that they are enqueued.

    At most a thousand, oldest first: the sweeper comes again in a minute.
    """
    waits = WAITS & ~Q(endpoint__store__in=stores_elsewhere())
    return take_due(WebhookDelivery.objects.all(), now=now, waits=waits)


def store_of_payment(delivery_id: int) -> str:
    """The store of a delivery's order, if events say that it was paid or reversed; "" otherwise.

    All deliveries of one order are worked off together, by the message of any of them.
    """
    deliveries = WebhookDelivery.objects
    named = deliveries.filter(pk=delivery_id).exclude(order_id="")
    store_id, order_id = named.values_list("endpoint__store_id", "order_id").first() or ("", "")
    moved = deliveries.filter(
        endpoint__store_id=store_id, order_id=order_id, event__in=_PAID_OR_REVERSED
    )
    return store_id if order_id and moved.exists() else ""


def mark_not_enqueued(delivery_id: int) -> None:
    """The broker failed: let the sweeper take this delivery."""
    WebhookDelivery.objects.filter(pk=delivery_id, state=State.PENDING).update(enqueued_at=None)


def dead_letters(*, store_id: str = "") -> list[int]:
    """Ids of deliveries that are given up, oldest first."""
    rows = WebhookDelivery.objects.filter(state=State.DEAD)
    if store_id:
        rows = rows.filter(endpoint__store_id=store_id)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def works_since(token: ApiToken, died_at: datetime, *, permissions: Iterable[Permission]) -> bool:
    """Whether an active token, with these permissions, may fetch now what it was refused then.

    A new secret may; so may one that nothing holds against: neither a 401 nor a 403 to orders.
    """
    if token.health == ApiToken.Health.SUSPECT:
        return False
    if token.secret_set_at is not None and token.secret_set_at > died_at:
        return True
    denied = TokenPermission.Observed.DENIED
    return not any(
        permission.code == "ORDERS_READ" and permission.observed == denied
        for permission in permissions
    )


def refused_dead_letters(token: ApiToken) -> list[int]:
    """Ids of dead letters that died of 401 or 403 and that this active token may fetch now."""
    if not token.is_active:
        return []
    rows = WebhookDelivery.objects.filter(REFUSED, endpoint__store_id=token.store_id)
    newest = rows.aggregate(newest=Max("finished_at"))["newest"]
    if newest is None or not works_since(token, newest, permissions=permissions_of(token)):
        return []
    return list(rows.order_by("pk").values_list("pk", flat=True))


def replay(delivery_ids: Iterable[int]) -> list[int]:
    """Put deliveries back to be handled again, whatever became of them; returns their ids.

    A pending one only becomes due at once. Handlers that are through with an event are not called
    again (see ``pandabase_django.events``).
    """
    return put_back(WebhookDelivery.objects.all(), delivery_ids)


def prune(*, now: datetime | None = None) -> int:
    """Delete finished deliveries older than ``WEBHOOK_RETENTION_DAYS``. Returns how many.

    That an event was handled is forgotten only when no delivery of it is left to be replayed.
    What was refused over thirty days ago goes as well.
    """
    now = now or timezone.now()
    prune_refusals(now=now)
    cutoff = now - timedelta(days=conf.webhook_retention_days)
    old = WebhookDelivery.objects.filter(received_at__lt=cutoff).exclude(state=State.PENDING)
    deleted = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:PRUNE_AT_ONCE]):
        deleted += WebhookDelivery.objects.filter(pk__in=ids).delete()[0]
    kept = WebhookDelivery.objects.filter(
        endpoint__store_id=OuterRef("store_id"), event_id=OuterRef("event_id")
    )
    forgotten = HandledEvent.objects.filter(~Exists(kept), handled_at__lt=cutoff)
    while ids := list(forgotten.order_by("pk").values_list("pk", flat=True)[:PRUNE_AT_ONCE]):
        HandledEvent.objects.filter(pk__in=ids).delete()
    return deleted
