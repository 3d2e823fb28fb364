"""One sync at a time for each store and resource; a fence stops a worker that lost its lease.

The lease lasts 60 seconds by the database's clock. Every write transaction of a sync begins with
``guard``: an UPDATE that names the holder's own fence. A SELECT instead would let a worker whose
lease has ended write beside the next one.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Now

from pandabase_django.database import connection, transaction
from pandabase_django.exceptions import LeaseHeld, LeaseLost
from pandabase_django.models import SyncCursor

__all__ = ["LEASE", "Lease", "Sight", "acquire", "holder_name", "limit_idling", "look", "wait_for"]

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to sync, until someone with a higher fence has it."""

    cursor_id: int
    fence: int

    def guard(self) -> None:
        """Renew the lease, as the first statement of a write transaction.

        Raises:
            LeaseLost: Another worker holds it now; the transaction must not commit.
        """
        limit_idling()
        renewed = SyncCursor.objects.filter(pk=self.cursor_id, fence=self.fence).update(
            heartbeat_at=Now(), lease_until=Now() + LEASE
        )
        if renewed != 1:
            raise LeaseLost("The lease passed to another worker; this one wrote nothing more.")

    def release(self) -> None:
        """Let the next one start at once. Does nothing when the lease is lost already."""
        SyncCursor.objects.filter(pk=self.cursor_id, fence=self.fence).update(
            lease_holder="", lease_until=None
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """A lease as somebody saw it; each run moves the fence, each batch the heartbeat."""

    fence: int = 0
    heartbeat_at: datetime | None = None
    held: bool = False


def look(*, store_id: str, resource: str) -> Sight:
    """See whether somebody syncs, without taking or waiting for anything."""
    found = (
        SyncCursor.objects.filter(store_id=store_id, resource=resource)
        .annotate(database_now=Now())
        .values_list("fence", "heartbeat_at", "lease_until", "database_now")
        .first()
    )
    if found is None:
        return Sight()
    fence, heartbeat_at, until, now = found
    return Sight(fence, heartbeat_at, held=until is not None and until > now)


def limit_idling() -> None:
    """Let PostgreSQL end this transaction when nothing came of it for as long as a lease lasts.

    What it locks stays locked until its end. A process that is stopped in between would lock
    everybody out, so whatever locks rows that a sync needs as well begins with this.
    """
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        milliseconds = str(int(LEASE.total_seconds() * 1000))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
                [milliseconds],
            )


def holder_name() -> str:
    """This process, as people find it: host and process id."""
    return f"{socket.gethostname()} (process {os.getpid()})"


def acquire(*, store_id: str, resource: str) -> Lease:
    """Take the lease if nobody holds it.

    Raises:
        LeaseHeld: Somebody does; says who, and for how many seconds at most.
    """
    with transaction.atomic():
        cursor, _ = SyncCursor.objects.get_or_create(store_id=store_id, resource=resource)
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
        taken = SyncCursor.objects.filter(free, pk=cursor.pk).update(
            fence=F("fence") + 1,
            lease_holder=holder_name(),
            heartbeat_at=Now(),
            lease_until=Now() + LEASE,
        )
        current = (
            SyncCursor.objects.filter(pk=cursor.pk)
            .annotate(database_now=Now())
            .values_list("fence", "lease_holder", "lease_until", "database_now")
            .get()
        )
    fence, holder, until, now = current
    if taken:
        return Lease(cursor_id=cursor.pk, fence=fence)
    raise LeaseHeld(
        f"{holder} syncs the {resource} of {store_id} already.",
        holder=holder,
        retry_after_seconds=_seconds_between(now, until),
    )


def wait_for(
    *,
    store_id: str,
    resource: str,
    on_wait: Callable[[str, float], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Lease:
    """Take the lease, waiting for one holder's lease to end at most once around.

    Args:
        store_id: The store.
        resource: The resource.
        on_wait: Called with the holder and the seconds left before each look.
        sleep: Replaces ``time.sleep``.

    Raises:
        LeaseHeld: It is still held after the time its holder had when we came.
    """
    waited = 0.0
    patience: float | None = None
    while True:
        try:
            return acquire(store_id=store_id, resource=resource)
        except LeaseHeld as error:
            left = error.retry_after_seconds or 0.0
            patience = left if patience is None else patience
            if waited > patience:
                raise
            on_wait(error.holder, patience - waited)
        sleep(1.0)
        waited += 1.0


def _seconds_between(now: datetime, until: datetime | None) -> float:
    return max(0.0, (until - now).total_seconds()) if until else 0.0
