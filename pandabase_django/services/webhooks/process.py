"""Works deliveries off: fetch the order and what else they report, then call the handlers.

A delivery decides nothing itself. The order is fetched, and its own state wins: replays and
disorder end in the same rows. But an answer that is older than the event, as replicas give, is
asked for again before any handler is called. All deliveries of one order that wait are claimed
together, and the order is fetched once. A claim is an UPDATE that pushes the next attempt beyond
the longest run, so a killed worker's deliveries come back by themselves; each result is written by
compare-and-set on the number of attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from django.db import Error as AnyDatabaseError
from django.utils import timezone

from pandabase_django import observing, signals
from pandabase_django.api.webhooks.payload import EVENT_TYPES, UNFIT_ORDER, EventSubscription
from pandabase_django.database import transaction
from pandabase_django.events import Event, handlers_of
from pandabase_django.exceptions import (
    ConfigurationError,
    PandabaseError,
    RateLimited,
    UnfitId,
    interruptions,
)
from pandabase_django.models import Order, Store, WebhookDelivery
from pandabase_django.observing.logs import about, facts, get_logger
from pandabase_django.printable import printable
from pandabase_django.services.attempts.claims import Renewal, claim
from pandabase_django.services.attempts.schedule import (
    ALONE_AFTER,
    MAX_ATTEMPTS,
    Processed,
    Trouble,
    give_up,
    note_trouble,
    words_of,
)
from pandabase_django.services.erasures.deliveries import named_by, scrub_deliveries
from pandabase_django.services.sync.due.causes import Cause
from pandabase_django.services.sync.due.marks import mark_dirty
from pandabase_django.services.sync.orders.details.lateness import is_behind
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.run.failures import database_away
from pandabase_django.services.tokens.building import limits_waited_for
from pandabase_django.services.tokens.holding import stores_elsewhere
from pandabase_django.services.webhooks.queue import ORDER_BEHIND, RAISED, SUBSCRIPTION_BEHIND
from pandabase_django.services.webhooks.reversals import read_reversals
from pandabase_django.services.webhooks.subscriptions import (
    refresh_subscription,
    subscription_behind,
)

__all__ = ["event_of", "process_delivery"]

logger = get_logger(__name__)

MAX_COALESCED = 100
# Longer, and the limit of one store would hold the workers that hand out what all others sold.
LIMIT_WAIT_SECONDS = 1.0

State = WebhookDelivery.State


def event_of(delivery: WebhookDelivery) -> Event:
    """A delivery as handlers see it."""
    return Event(
        id=delivery.event_id,
        name=delivery.event,
        store_id=delivery.endpoint.store_id,
        order_id=delivery.order_id,
        occurred_at=delivery.event_at,
        payload=delivery.payload,
    )


def process_delivery(delivery_id: int) -> Processed:
    """Work off a delivery, and whatever waits for the same order with it.

    Nothing happens when it is done, claimed by another worker, or not due yet: messages may come
    twice. No error of the remote or of a handler is raised; it is kept with the delivery.
    """
    deliveries = _claim(delivery_id)
    if not deliveries:
        return Processed()
    store = deliveries[0].endpoint.store
    with about(store=store.pk):
        return _worked_off(store, deliveries)


def _worked_off(store: Store, deliveries: Sequence[WebhookDelivery]) -> Processed:
    renewal = Renewal(deliveries)
    trouble = _fetch(store, deliveries, renewal)
    outcomes = []
    been_read: set[str] = set()
    for delivery in deliveries:
        renewal()
        found = trouble or _behind(delivery)
        if found is None:
            read = partial(read_reversals, delivery, been_read=been_read, while_waiting=renewal)
            found = _tried("Reversals of", delivery.order_id, read) or _announced(delivery, renewal)
        outcomes.append(_finish(delivery, found))
        renewal.leave(delivery)
    waits = [outcome for outcome in outcomes if isinstance(outcome, timedelta)]
    return Processed(
        finished=outcomes.count(State.PROCESSED) + outcomes.count(State.IGNORED),
        failed=len(waits),
        dead=outcomes.count(State.DEAD),
        retry_after_seconds=min(waits).total_seconds() if waits else None,
    )


def _claim(delivery_id: int) -> list[WebhookDelivery]:
    """Claim what is due for the delivery's order, oldest first; empty when it itself is not."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=State.PENDING, next_attempt_at__lte=now)
    # What others name can't be fetched, and that is no failure. Asked before, and not in the
    # claim: an UPDATE with a join has a subquery, which PostgreSQL does not check again when
    # another worker was first.
    here = due.exclude(endpoint__store__in=stores_elsewhere())
    wanted = here.filter(pk=delivery_id).select_related("endpoint").first()
    if wanted is None:
        return []
    if wanted.attempts >= MAX_ATTEMPTS:
        # Only a process that was killed leaves one so: it must not take a worker down for ever.
        _give_up(wanted)
        return []
    ids = [wanted.pk]
    if wanted.order_id and wanted.event in EVENT_TYPES and wanted.attempts < ALONE_AFTER:
        others = due.filter(
            endpoint__store_id=wanted.endpoint.store_id,
            order_id=wanted.order_id,
            event__in=EVENT_TYPES,
            attempts__lt=ALONE_AFTER,
        ).exclude(pk=wanted.pk)
        ids += others.order_by("pk").values_list("pk", flat=True)[: MAX_COALESCED - 1]
    claimed = [
        pk
        for pk in sorted(ids)
        # One by one: of two workers with overlapping sets each gets what it was first at.
        if claim(due.filter(pk=pk))
    ]
    rows = WebhookDelivery.objects.filter(pk__in=claimed).select_related("endpoint__store")
    return list(rows.order_by("pk"))


def _give_up(delivery: WebhookDelivery) -> None:
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts
    )
    why = "The worker was killed while it worked on this, each time."
    if not give_up(mine, why, now=timezone.now()):
        return  # another worker did, and has said so
    logger.error(
        "Event %s is a dead letter: its worker was killed.",
        delivery.event_id,
        extra=facts(store=delivery.endpoint.store_id),
    )
    observing.delivery_ends(State.DEAD.value)


def _fetch(store: Store, deliveries: Sequence[WebhookDelivery], renewal: Renewal) -> Trouble | None:
    """Bring what they name up to date; None when that succeeded or there was nothing to fetch."""
    first = deliveries[0]
    if first.event not in EVENT_TYPES:
        return None
    if unfit := first.payload.get(UNFIT_ORDER):
        return Trouble(
            f"The event names its order {unfit}: no request can ask for such an id.", final=True
        )
    trouble = None
    if first.order_id:
        fetch = partial(fetch_order, store, first.order_id, delivery_id=str(first.pk))
        trouble = _tried("Order", first.order_id, partial(fetch, while_waiting=renewal))
    named = ((EventSubscription.within(one.payload), one) for one in deliveries)
    for pk, delivery in {found.id: one for found, one in named if found and found.id}.items():
        work = partial(refresh_subscription, delivery, pk, while_waiting=renewal)
        trouble = trouble or _tried("Subscription", pk, work)
    # By now it is known whether they are an erased person's.
    return trouble or _tried("Order", first.order_id, partial(scrub_deliveries, deliveries))


def _tried(kind: str, pk: str, fetch: Callable[[], None]) -> Trouble | None:
    try:
        with limits_waited_for(LIMIT_WAIT_SECONDS):
            fetch()
    except (PandabaseError, ConfigurationError) as error:
        logger.warning("%s %s could not be fetched: %s", kind, printable(pk), error)
        wait = error.retry_after_seconds if isinstance(error, PandabaseError) else None
        final = isinstance(error, UnfitId)
        return Trouble(
            str(error),
            retry_after=timedelta(seconds=wait or 0),
            final=final,
            limited=isinstance(error, RateLimited),
        )
    except interruptions():
        raise
    except Exception as error:
        # Such as a row that the database refuses. Nothing of it was written.
        away = database_away(error) if isinstance(error, AnyDatabaseError) else None
        if away is not None:
            logger.warning("%s %s could not be written: %s", kind, printable(pk), away)
            return Trouble(str(away))
        logger.exception("%s %s could not be written.", kind, printable(pk))
        return Trouble(f"An unexpected error ({type(error).__name__}); the log has it.")
    return None


def _behind(delivery: WebhookDelivery) -> Trouble | None:
    """Ask again when what was answered is from before the event; its handlers wait."""
    if status := subscription_behind(delivery):
        return _asked_again(SUBSCRIPTION_BEHIND + status)
    orders = Order.objects.filter(pk=delivery.order_id, store_id=delivery.endpoint.store_id)
    known = orders.values_list("status", "updated_at").first() if delivery.order_id else None
    if known is None or not is_behind(
        delivery.event, status=known[0], event_at=delivery.event_at, updated_at=known[1]
    ):
        return None
    # The next sync may meet the same replica: it is told what to wait for.
    cause = Cause(seen_at=timezone.now(), event=delivery.event, event_at=delivery.event_at)
    with transaction.atomic():
        mark_dirty(orders, causes={delivery.order_id: cause})
    return _asked_again(ORDER_BEHIND + known[0])


def _asked_again(how_it_is: str) -> Trouble:
    return Trouble(
        f"{how_it_is}: the answer was older than the event. Handlers are called "
        "once it shows the event's state."
    )


def _announced(delivery: WebhookDelivery, renewal: Renewal) -> Trouble | None:
    """Announce; what ends the task in the middle counts as this delivery's failure."""
    try:
        with renewal.meanwhile():  # handlers may take long
            return _announce(delivery)
    except interruptions() as error:
        _finish(delivery, Trouble(f"The task was ended in the middle ({type(error).__name__})."))
        raise


def _announce(delivery: WebhookDelivery) -> Trouble | None:
    """Call every handler and receiver; names those that raised."""
    event = event_of(delivery)
    failed = []
    for dotted, handler in handlers_of(event.name).items():
        try:
            with event.once(dotted) as first:
                if first:
                    handler(event)
        except interruptions():
            raise
        except Exception as error:
            logger.exception("Handler %s failed for event %s.", dotted, event.id)
            observing.handler_fails(dotted, kind="event")
            failed.append((dotted, words_of(error)))
    for receiver, result in signals.send_robust(
        signals.webhook_received, sender=WebhookDelivery, event=event
    ):
        if isinstance(result, Exception):
            name = signals.name_of(receiver)
            logger.error("A receiver of webhook_received failed: %s", name, exc_info=result)
            observing.handler_fails(name, kind="receiver")
            failed.append((name.rpartition(".")[2], words_of(result)))
    return Trouble(RAISED, failed) if failed else None


def _finish(delivery: WebhookDelivery, trouble: Trouble | None) -> State | timedelta | None:
    """Write how an attempt ended: the state, or the wait until the next one.

    None when the claim has run out meanwhile and another worker's attempt counts.
    """
    now = timezone.now()
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts
    )
    if trouble is None:
        outcome = State.PROCESSED if delivery.event in EVENT_TYPES else State.IGNORED
        rows = mine.update(state=outcome, finished_at=now, next_attempt_at=None, last_error="")
        if rows:
            observing.delivery_ends(outcome.value)
        return outcome if rows else None
    store_id = delivery.endpoint.store_id
    named = named_by(store_id, delivery.payload, order_id=delivery.order_id)
    try:
        with transaction.atomic():
            kept = trouble.kept(store_id, named)
            wait = note_trouble(mine, trouble, kept, attempts=delivery.attempts, now=now)
    except LookupError:
        return None
    if wait is None:
        logger.error("Event %s is a dead letter: %s", delivery.event_id, kept)
        observing.delivery_ends(State.DEAD.value)
        return State.DEAD
    return wait
