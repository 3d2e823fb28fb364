"""Sends the messages that start syncs: one waits for each store and resource, and each expires."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from itertools import islice, product
from typing import Any

from celery import Task, current_app
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.sync.run import queued
from pandabase_django.tasks.broker import enqueue

__all__ = [
    "ASKED_EXPIRES_SECONDS",
    "Sent",
    "enqueue_sync",
    "expires_seconds",
    "put_back",
    "read_licenses_soon",
    "send_portion",
]

logger = get_logger(__name__)

ASKED_EXPIRES_SECONDS = 3600  # who asks again after an hour wants a second one
# So many messages of a tick stand in the queue at most twice: what comes meanwhile, such as a
# webhook, waits for these and not for the syncs of all stores.
PORTION = 50

_TASK = "pandabase.sync_resource"  # of those without one of their own
_TASKS = {
    Resource.PRODUCTS: "pandabase.sync_products",
    Resource.ORDERS: "pandabase.sync_orders",
    Resource.REQUEST_LOGS: "pandabase.fetch_request_logs",
}


class Sent(enum.Enum):
    """What came of asking for a sync."""

    SENT = "sent"
    WAITS_ALREADY = "waits already"
    REFUSED = "refused by the broker"


def enqueue_sync(
    stores: Iterable[str],
    resources: Iterable[str],
    *,
    trigger: str,
    user_id: Any = None,
    full: bool = False,
    in_portions: bool = False,
) -> Sent:
    """Send one message for each store and resource, unless one waits that does as much.

    Args:
        stores: Ids of the stores.
        resources: What to sync of each; the first message that the broker refuses ends it.
        trigger: What asks.
        user_id: Who asks.
        full: Whether a full pass is asked for.
        in_portions: Some messages, and one that sends the next ones when workers have come to it.

    Returns:
        ``SENT`` when at least one message was sent and none was refused.
    """
    stores, resources = list(stores), list(resources)
    seconds = expires_seconds(trigger)
    unsent = queued.claim(stores, resources, trigger=trigger, full=full, seconds=seconds)
    result = Sent.WAITS_ALREADY
    try:
        for store_id, resource in product(stores, resources):
            if (store_id, resource) not in unsent:
                logger.info(
                    "A sync of the %s of %s waits already.",
                    resource,
                    store_id,
                    extra=facts(store=store_id, resource=resource),
                )
        for store_id, resource in list(islice(unsent, PORTION if in_portions else None)):
            if not _send(
                store_id=store_id,
                resource=resource,
                trigger=trigger,
                user_id=user_id,
                full=full,
                expires_seconds=seconds,
            ):
                return Sent.REFUSED
            del unsent[store_id, resource]
            result = Sent.SENT
        rest = list(unsent)
        unsent.clear()
        send_portion(rest, until=timezone.now().timestamp() + seconds)
        return result
    finally:
        if unsent:
            queued.let_go(unsent.values(), trigger=trigger, full=full)


def send_portion(waiting: Sequence[Sequence[str]], *, until: float) -> None:
    """Send the next messages of a tick, and before them the one that sends those after.

    So workers have something to do while that one waits behind a long run. The first message that
    the broker refuses ends it; the next tick, which comes when the notes of these end, sends them.

    Args:
        waiting: Store and resource of each message, in order.
        until: When the tick's messages expire, in seconds of the epoch.
    """
    seconds = until - timezone.now().timestamp()
    if not waiting or seconds <= 0:
        return
    rest = [list(one) for one in waiting[PORTION:]]
    sender = current_app.tasks["pandabase.sync_rest"]
    if rest and not enqueue(sender, rest, until, expires_seconds=seconds):
        return
    for store_id, resource in waiting[:PORTION]:
        if not _send(
            store_id=store_id,
            resource=resource,
            trigger=SyncRun.Trigger.SCHEDULE.value,
            full=False,
            expires_seconds=seconds,
        ):
            return


def read_licenses_soon(store_id: str) -> None:
    """Send one message to sync a store's licences: orders that have some were paid or reversed.

    Not before they were read once, as ``pandabase.sync_seldom`` does: the token may not be allowed
    to.
    """
    known = SyncCursor.objects.filter(
        store=store_id, resource=Resource.LICENSES, first_completed_at__isnull=False
    )
    if known.exists():
        enqueue_sync([store_id], [Resource.LICENSES], trigger=SyncRun.Trigger.SCHEDULE.value)


def put_back(
    store_id: str,
    resource: str,
    *,
    trigger: str,
    user_id: Any = None,
    full: bool = False,
    after_seconds: float,
) -> None:
    """Send this task's own message again. Without a broker the next scheduled run goes on."""
    seconds = after_seconds + expires_seconds(trigger)
    kind: dict[str, Any] = {
        "store_id": store_id,
        "resource": resource,
        "trigger": trigger,
        "full": full,
    }
    queued.hold(**kind, seconds=seconds)
    if not _send(**kind, user_id=user_id, expires_seconds=seconds, after_seconds=after_seconds):
        queued.begin(**kind)  # nothing waits after all


def expires_seconds(trigger: str) -> float:
    """A scheduled sync that waits longer than its interval is replaced by the next one."""
    scheduled = trigger == SyncRun.Trigger.SCHEDULE
    return max(60.0, conf.sync_interval_seconds) if scheduled else ASKED_EXPIRES_SECONDS


def _send(*, store_id: str, resource: str, full: bool, **options: Any) -> bool:
    if resource != Resource.REQUEST_LOGS:
        options["full"] = full
    name = _TASKS.get(Resource(resource), _TASK)
    if name == _TASK:
        options["resource"] = resource
    task: Task[Any, Any] = current_app.tasks[name]
    return enqueue(task, store_id, **options)
