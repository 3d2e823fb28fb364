"""Works deliveries off: fetch the order they name, then call the shop's handlers.

A delivery decides nothing itself. The order is fetched, and its own state wins: replays and
disorder end in the same rows. All deliveries of one order that wait are claimed together and cost
one request. A claim is an UPDATE that pushes the next attempt beyond the longest run, so a killed
worker's deliveries come back by themselves; each result is written by compare-and-set on the
number of attempts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.api.webhook_payload import EVENT_TYPES
from pandabase_django.events import Event, handlers_of
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import Store, WebhookDelivery
from pandabase_django.services.sync.refresh import fetch_order

__all__ = ["BACKOFF", "MAX_ATTEMPTS", "Processed", "event_of", "process_delivery"]

logger = logging.getLogger(__name__)

# Waits after the 1st to 7th failure; about 20 hours in all, then the delivery is a dead letter.
BACKOFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(BACKOFF) + 1
# A worker that was killed each time leaves all that it had claimed, and one of them did it. After
# so many attempts each is made alone, and a neighbour has some left for troubles of its own.
ALONE_AFTER = MAX_ATTEMPTS - 3
CLAIM = timedelta(minutes=10)  # longer than one fetch with all its retries and waits
MAX_COALESCED = 100
MAX_ERROR_CHARACTERS = 500

State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of the deliveries that were claimed together.

    Attributes:
        finished: Processed or ignored.
        failed: Will be tried again.
        dead: Were tried for the last time.
        retry_after_seconds: When the first of the failed is due; None when none failed.
    """

    finished: int = 0
    failed: int = 0
    dead: int = 0
    retry_after_seconds: float | None = None


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
    trouble = _fetch(store, deliveries)
    outcomes = [_finish(delivery, trouble or _announce(delivery)) for delivery in deliveries]
    waits = [outcome for outcome in outcomes if isinstance(outcome, timedelta)]
    return Processed(
        finished=outcomes.count(State.PROCESSED) + outcomes.count(State.IGNORED),
        failed=len(waits),
        dead=outcomes.count(State.DEAD),
        retry_after_seconds=min(waits).total_seconds() if waits else None,
    )


@dataclass(frozen=True, slots=True)
class _Trouble:
    text: str
    retry_after: timedelta = timedelta(0)


def _claim(delivery_id: int) -> list[WebhookDelivery]:
    """Claim what is due for the delivery's order, oldest first; empty when it itself is not."""
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=State.PENDING, next_attempt_at__lte=now)
    wanted = due.filter(pk=delivery_id).select_related("endpoint").first()
    if wanted is None:
        return []
    if wanted.attempts >= MAX_ATTEMPTS:
        # Only a process that was killed leaves one so: it must not take a worker down for ever.
        _bury(wanted)
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
        if due.filter(pk=pk).update(
            attempts=F("attempts") + 1, next_attempt_at=timezone.now() + CLAIM
        )
    ]
    rows = WebhookDelivery.objects.filter(pk__in=claimed).select_related("endpoint__store")
    return list(rows.order_by("pk"))


def _bury(delivery: WebhookDelivery) -> None:
    WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts
    ).update(
        state=State.DEAD,
        finished_at=timezone.now(),
        next_attempt_at=None,
        last_error="The worker was killed while it worked on this, each time.",
    )
    logger.error("Event %s is a dead letter: its worker was killed.", delivery.event_id)


def _fetch(store: Store, deliveries: Sequence[WebhookDelivery]) -> _Trouble | None:
    """Bring the order up to date; None when that succeeded or there was nothing to fetch."""
    first = deliveries[0]
    if not first.order_id or first.event not in EVENT_TYPES:
        return None
    try:
        fetch_order(store, first.order_id, delivery_id=str(first.pk))
    except (PandabaseError, ConfigurationError) as error:
        logger.warning("Order %s could not be fetched: %s", first.order_id, error)
        wait = error.retry_after_seconds if isinstance(error, PandabaseError) else None
        return _Trouble(str(error), timedelta(seconds=wait or 0))
    except Exception as error:
        # Such as a row that the database refuses. Nothing of it was written.
        logger.exception("Order %s could not be written.", first.order_id)
        return _Trouble(f"An unexpected error ({type(error).__name__}); the log has it.")
    return None


def _announce(delivery: WebhookDelivery) -> _Trouble | None:
    """Call every handler and receiver; names those that raised."""
    event = event_of(delivery)
    failed = []
    for dotted, handler in handlers_of(event.name).items():
        try:
            with event.once(dotted) as first:
                if first:
                    handler(event)
        except Exception as error:
            logger.exception("Handler %s failed for event %s.", dotted, event.id)
            failed.append(f"{dotted} ({type(error).__name__})")
    for receiver, result in signals.webhook_received.send_robust(
        sender=WebhookDelivery, event=event
    ):
        if isinstance(result, Exception):
            name = getattr(receiver, "__qualname__", type(receiver).__name__)
            logger.error(
                "A receiver of webhook_received failed: %s.%s",
                getattr(receiver, "__module__", "?"),
                name,
                exc_info=result,
            )
            failed.append(f"{name} ({type(result).__name__})")
    return _Trouble("Raised: " + ", ".join(failed)) if failed else None


def _finish(delivery: WebhookDelivery, trouble: _Trouble | None) -> State | timedelta | None:
    """Write how an attempt ended: the state, or the wait until the next one.

    None when the claim has run out meanwhile and another worker's attempt counts.
    """
    now = timezone.now()
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts
    )
    outcome: State | timedelta
    if trouble is None:
        outcome = State.PROCESSED if delivery.event in EVENT_TYPES else State.IGNORED
        rows = mine.update(state=outcome, finished_at=now, next_attempt_at=None, last_error="")
    elif delivery.attempts >= MAX_ATTEMPTS:
        outcome = State.DEAD
        rows = mine.update(
            state=outcome,
            finished_at=now,
            next_attempt_at=None,
            last_error=trouble.text[:MAX_ERROR_CHARACTERS],
        )
        if rows:
            logger.error("Event %s is a dead letter: %s", delivery.event_id, trouble.text)
    else:
        outcome = max(BACKOFF[delivery.attempts - 1], trouble.retry_after)
        rows = mine.update(
            next_attempt_at=now + outcome,
            enqueued_at=None,
            last_error=trouble.text[:MAX_ERROR_CHARACTERS],
        )
    return outcome if rows else None
