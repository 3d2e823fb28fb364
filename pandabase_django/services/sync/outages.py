"""A host that does not answer is tried by one sync at a time, ever less often.

Only scheduled syncs hold back: what a person or a command starts is tried at once. One sync that
fails says little: its endpoint may be broken, or its store. When a second one fails before any has
succeeded, or no connection comes about, the host counts as away, and all its syncs hold back.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import PandabaseError, ServerError, TransportError
from pandabase_django.models import ApiToken, RemoteOutage, Store

__all__ = ["OutageUnderWay", "host_of", "is_outage", "note_answer", "note_failure", "take_turn"]

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


def take_turn(store: Store, resource: str) -> None:
    """Pass when the host is not known to be away, or it is time to try, and nobody else does.

    Raises:
        OutageUnderWay: Says when the next try is due.
    """
    outage = _outage_of(store)
    if outage is None or not _concerns(outage, _scope(store, resource)):
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


def note_failure(store: Store, resource: str, error: Exception) -> tuple[bool, float]:
    """Note that a sync failed at the host.

    Returns:
        Whether the outage was known before, and for how many seconds it is left alone now.
    """
    host = _host(store)
    now = timezone.now()
    with transaction.atomic():
        first_wait = timedelta(seconds=BACKOFF_SECONDS[0])
        outage, new = RemoteOutage.objects.select_for_update().get_or_create(
            host=host,
            defaults={"since": now, "last_tried_at": now, "next_try_at": now + first_wait},
        )
        scope = _scope(store, resource)
        if scope not in outage.scopes:
            outage.scopes.append(scope)
        never_sent = isinstance(error, TransportError) and not error.executed
        outage.everywhere |= never_sent or len(outage.scopes) > 1
        if not new and now - outage.last_tried_at > TOGETHER:
            outage.failures += 1
            wait = BACKOFF_SECONDS[min(outage.failures, len(BACKOFF_SECONDS)) - 1]
            outage.next_try_at = now + timedelta(seconds=wait)
        outage.last_tried_at = now
        outage.next_try_at = max(outage.next_try_at, now + timedelta(seconds=1))
        outage.error = str(error)
        outage.save()
    return not new, (outage.next_try_at - now).total_seconds()


def note_answer(store: Store, resource: str) -> None:
    """Note that the host answered a sync: the outage is over, if this sync was a part of it."""
    outage = _outage_of(store)
    if outage is None:
        return
    if _concerns(outage, _scope(store, resource)):
        outage.delete()


def _concerns(outage: RemoteOutage, scope: str) -> bool:
    return outage.everywhere or scope in outage.scopes


def _outage_of(store: Store) -> RemoteOutage | None:
    return RemoteOutage.objects.filter(pk=_host(store)).first()


def _host(store: Store) -> str:
    urls = ApiToken.objects.active().filter(store=store)
    return host_of(urls.values_list("base_url", flat=True).first() or "")


def _scope(store: Store, resource: str) -> str:
    return f"{store.pk} {resource}"
