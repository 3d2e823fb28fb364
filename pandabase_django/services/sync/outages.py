"""A host that does not answer is tried by one sync at a time, ever less often.

Only scheduled syncs hold back: what a person or a command starts is tried at once. A store that
fails says little: its endpoints may be broken, or it is suspended. Those of its syncs that failed
hold back. When a second store fails before any sync has succeeded, or no connection comes about,
the host counts as away, and all its syncs hold back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import PandabaseError, ServerError, TransportError
from pandabase_django.models import ApiToken, RemoteOutage, Store

__all__ = [
    "OutageUnderWay",
    "host_of",
    "is_outage",
    "note_answer",
    "note_failure",
    "scope_of",
    "take_turn",
]

# Waits after the 1st to 5th failure and later ones: who is back is noticed within five minutes.
BACKOFF_SECONDS = (30, 60, 120, 240, 300)
PROBE_SECONDS = 60  # nobody else tries for so long while one does
TOGETHER = timedelta(seconds=20)  # failures of syncs that ran at the same time count as one


class OutageUnderWay(PandabaseError):
    """The host does not answer, and it is not this sync's turn to try."""

    retryable = True


def is_outage(error: BaseException | None) -> bool:
    """Whether an error may mean that the whole host is away."""
    return isinstance(error, (TransportError, ServerError))


def host_of(base_url: str) -> str:
    """What an outage belongs to: host and port."""
    return urlsplit(base_url).netloc


def scope_of(store_id: str, resource: str) -> str:
    """What fails by itself: a resource of a store."""
    return f"{store_id} {resource}"


def take_turn(store: Store, resource: str) -> None:
    """Pass when the host is not known to be away, or it is time to try, and nobody else does.

    Raises:
        OutageUnderWay: Says when the next try is due.
    """
    outage = _outage_of(store)
    if outage is None or not _concerns(outage, scope_of(store.pk, resource)):
        return
    now = timezone.now()
    if outage.next_try_at <= now:
        mine = RemoteOutage.objects.filter(pk=outage.pk, next_try_at=outage.next_try_at)
        if mine.update(next_try_at=now + timedelta(seconds=PROBE_SECONDS)):
            return
        outage.next_try_at = now + timedelta(seconds=PROBE_SECONDS)
    raise OutageUnderWay(
        f"{outage.host} has not answered since {outage.since:%H:%M} UTC.",
        retry_after_seconds=(outage.next_try_at - now).total_seconds(),
    )


def note_failure(
    store: Store, resource: str, error: Exception, *, began: datetime | None = None
) -> tuple[bool, float]:
    """Note that a sync failed at the host.

    Args:
        store: Whose sync.
        resource: Of what.
        error: What it failed with.
        began: When the sync did; None takes now.

    Returns:
        Whether the outage was known before to concern this sync, and for how many seconds it is
        left alone now.
    """
    host = _host(store)
    now = timezone.now()
    with transaction.atomic():
        first_wait = timedelta(seconds=BACKOFF_SECONDS[0])
        outage, new = RemoteOutage.objects.select_for_update().get_or_create(
            host=host,
            defaults={"since": now, "last_tried_at": now, "next_try_at": now + first_wait},
        )
        scope = scope_of(store.pk, resource)
        known = not new and _concerns(outage, scope)
        never_sent = isinstance(error, TransportError) and not error.executed
        outage.everywhere |= never_sent or _another_just_failed(outage, store, began=began or now)
        outage.scopes = [*(one for one in outage.scopes if one != scope), scope]
        if not new and now - outage.last_tried_at > TOGETHER:
            outage.failures += 1
            wait = BACKOFF_SECONDS[min(outage.failures, len(BACKOFF_SECONDS)) - 1]
            outage.next_try_at = now + timedelta(seconds=wait)
        outage.last_tried_at = now
        outage.next_try_at = max(outage.next_try_at, now + timedelta(seconds=1))
        outage.error = str(error)
        outage.save()
    return known, (outage.next_try_at - now).total_seconds()


def note_answer(store: Store, resource: str) -> None:
    """Note that the host answered a sync: the outage is over, if this sync was a part of it."""
    outage = _outage_of(store)
    if outage is None:
        return
    if _concerns(outage, scope_of(store.pk, resource)):
        outage.delete()
    elif outage.since <= outage.last_tried_at:
        # Only the first answer after a failure is written, not that of each sync.
        RemoteOutage.objects.filter(pk=outage.pk, everywhere=False).update(since=timezone.now())


def _another_just_failed(outage: RemoteOutage, store: Store, *, began: datetime) -> bool:
    """Whether another store's sync failed before this one, and nothing was answered in between.

    Between two that lie far apart nobody may have asked.
    """
    if not outage.scopes or outage.since > outage.last_tried_at:
        return False
    last_store = outage.scopes[-1].split()[0]
    return bool(last_store != store.pk) and began - outage.last_tried_at <= TOGETHER


def _concerns(outage: RemoteOutage, scope: str) -> bool:
    return outage.everywhere or scope in outage.scopes


def _outage_of(store: Store) -> RemoteOutage | None:
    return RemoteOutage.objects.filter(pk=_host(store)).first()


def _host(store: Store) -> str:
    urls = ApiToken.objects.active().filter(store=store)
    return host_of(urls.values_list("base_url", flat=True).first() or "")
