"""What one thread does with a batch: it asks the remote, and returns verdicts. No database.

A batch that may be there already is looked for first. Its external ids alone would do, as far as
the remote keeps its word and the subscription its meters (Source: P-52); to look costs one request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

from pandabase_django.api.client import Client
from pandabase_django.api.params import UsageRecordEvent
from pandabase_django.api.schemas import UsageAnswer
from pandabase_django.exceptions import (
    APIError,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    StateConflict,
)
from pandabase_django.services.usage.batches import Batch, Event, Verdicts

__all__ = ["Sent", "send_batch"]

# A busy subscription may have more events within the times of a batch than is worth reading: then
# the external ids have to do.
MOST_READ = 2000
MARGIN = timedelta(seconds=1)


class Sent:
    """Verdicts on a batch, and what stopped it, if anything did.

    Attributes:
        verdicts: By row.
        trouble: Why other batches would fare no better; None when they may.
    """

    def __init__(self, batch: Batch) -> None:
        self.verdicts = Verdicts.of(batch)
        self.trouble: PandabaseError | None = None


def send_batch(client: Client, batch: Batch) -> Sent:
    """Send a batch, and say what became of each of its rows.

    Raises:
        InvalidCredential: The credential was refused, so that nothing was counted.
    """
    sent = Sent(batch)
    events = list(batch.events)
    if batch.maybe_sent:
        try:
            there = _found(client, batch)
        except InvalidCredential:
            raise
        except PandabaseError as error:
            # They stay what they were: rows that may be there.
            sent.verdicts.unknown.extend(event.pk for event in events)
            sent.trouble = error
            return sent
        sent.verdicts.sent.extend(event.pk for event in events if event.external_id in there)
        events = [event for event in events if event.external_id not in there]
    _send(client, events, sent)
    return sent


def _found(client: Client, batch: Batch) -> set[str]:
    """External ids of the batch that the remote has counted; as far as it lets itself be asked."""
    wanted = {event.external_id for event in batch.events}
    times = [event.at for event in batch.events]
    # "from" is a word of Python's, so that it can't be named as an argument.
    between: dict[str, Any] = {"from": min(times) - MARGIN, "to": max(times) + MARGIN}
    listed = client.usage.iterate(subscription_id=batch.subscription_id, **between)
    found: set[str] = set()
    try:
        for event in islice(listed, MOST_READ):
            if event.external_id in wanted:
                found.add(str(event.external_id))
            if found == wanted:
                break
    except (MissingPermission, ObjectNotFound, InvalidRequest):
        return set()  # what they say of sending is what counts
    return found


def _send(client: Client, events: Sequence[Event], sent: Sent) -> None:
    if not events:
        return
    if sent.trouble is not None:
        _leave(events, sent)
        return
    try:
        answer = client.usage.record(sent.verdicts.batch.subscription_id, _bodies(events))
    except InvalidCredential:
        if not sent.verdicts.sent and not sent.verdicts.rejected:
            raise
        sent.verdicts.unsent.extend(event.pk for event in events)  # of what others got through
    except InvalidRequest as error:
        _divide(client, events, sent, error)
    except (ObjectNotFound, StateConflict) as error:
        _reject(events, sent, error)
    except PandabaseError as error:
        sent.trouble = error
        _leave(events, sent)
    else:
        _note(events, sent, answer)


def _divide(client: Client, events: Sequence[Event], sent: Sent, error: InvalidRequest) -> None:
    """One event may have spoiled the call for all, or the subscription takes none.

    A few alone decide: to halve a hundred that are all refused would be two hundred requests. One
    would not do: it may be the one that spoiled the call, with the same words.
    """
    if len(events) == 1:
        _reject(events, sent, error)
        return
    left = list(events)
    for place in sorted({0, len(left) // 2, len(left) - 1}, reverse=True):
        one = left.pop(place)
        _send(client, [one], sent)
        if sent.verdicts.rejected.get(one.pk) != _words(error):
            break
    else:
        _reject(left, sent, error)
        return
    middle = len(left) // 2
    _send(client, left[:middle], sent)
    _send(client, left[middle:], sent)


def _note(events: Sequence[Event], sent: Sent, answer: UsageAnswer) -> None:
    for place, event in enumerate(events):
        if place in answer.rejected:
            sent.verdicts.rejected[event.pk] = answer.rejected[place] or "Rejected"
        else:
            sent.verdicts.sent.append(event.pk)


def _reject(events: Sequence[Event], sent: Sent, error: APIError) -> None:
    sent.verdicts.rejected.update({event.pk: _words(error) for event in events})


def _leave(events: Sequence[Event], sent: Sent) -> None:
    verdicts, trouble = sent.verdicts, sent.trouble
    left = [event.pk for event in events]
    if trouble is not None and trouble.outcome_unknown:
        verdicts.unknown.extend(left)
    else:
        verdicts.unsent.extend(left)


def _words(error: APIError) -> str:
    return f"{error.message} (HTTP {error.status})"


def _bodies(events: Sequence[Event]) -> list[UsageRecordEvent]:
    return [
        {
            "event_name": event.event,
            "quantity": event.quantity,
            "event_at": _iso(event.at),
            "external_id": event.external_id,
        }
        for event in events
    ]


def _iso(at: datetime) -> str:
    utc = at.astimezone(timezone.utc)
    return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
