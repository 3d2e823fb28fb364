"""Sends an action: the only place of this room from which a write leaves.

PREPARED becomes SENT by compare-and-set, committed before the one request; who moved it sends.
An answer that proves that nothing was executed leads back to PREPARED, for an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.api.operations import OPERATIONS
from pandabase_django.api.wire.replies import Reply
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    PandabaseError,
    StateConflict,
)
from pandabase_django.models import RemoteAction
from pandabase_django.services.actions.kinds import Kind
from pandabase_django.services.actions.transitions import (
    SettledBy,
    State,
    advance,
    close,
    kept_words,
)
from pandabase_django.services.attempts.schedule import BACKOFF
from pandabase_django.services.sync.due.causes import LAG_AT_MOST
from pandabase_django.services.tokens.clients import client_for

__all__ = ["SEND_WITHIN", "send"]

# Whoever asked has gone on by then: what is asked for is asked for again.
SEND_WITHIN = timedelta(hours=1)
# For so long what was sent may still be executed; a replica shows it later still.
WATCH = timedelta(hours=1)
# A conflict is an answer: it was refused, unless something on the way has sent it twice.
CONFLICT_WATCH = LAG_AT_MOST
# Until then its sender has the answer, or a time-out, and keeps it.
FIRST_LOOK = timedelta(seconds=45)


def send(action: RemoteAction, *, kind: Kind, now: datetime | None = None) -> None:
    """Send a prepared action, unless another worker does; keep what comes of it.

    Raises:
        RuntimeError: A transaction is open.
    """
    now = now or timezone.now()
    if now - action.asked_at > SEND_WITHIN:
        text = _("Nothing was sent: it could not be within an hour. %(why)s")
        text %= {"why": action.outcome}
        expected = [State.PREPARED]
        close(
            action,
            State.REFUSED,
            text.strip(),
            expected=expected,
            by=SettledBy.TIME,
            now=now,
        )
        return
    try:
        # One try and short waits: how long it is tried is in the row, not in a sleeping worker.
        with client_for(action.store, hurried=True) as client:
            noted = kind.note_before(client, action) if kind.note_before else {}
            if not advance(
                action,
                expected=[State.PREPARED],
                state=State.SENT,
                parameters={**action.parameters, **noted},
                sent_at=now,
                watch_until=now + WATCH,
                next_attempt_at=now + FIRST_LOOK,
                tries=action.tries + 1,
                outcome="",
            ):
                return
            reply = client.request(
                OPERATIONS[kind.operation],
                params={kind.id_name: action.object_id},
                body=kind.body(action.parameters),
                idempotency_key=action.idempotency_key,
            )
            # Before the client is closed, which writes to the database too.
            _answered(action, reply, kind=kind)
    except (PandabaseError, ConfigurationError) as error:
        _failed(action, error)


def _answered(action: RemoteAction, reply: Reply, *, kind: Kind) -> None:
    close(
        action,
        State.DONE,
        "",
        # Its sender may have been stopped for longer than anybody waited.
        expected=[*RemoteAction.UNDECIDED, State.REFUSED],
        closed=True,
        by=SettledBy.ANSWER,
        now=timezone.now(),
        http_status=reply.status,
        request_id=reply.request_id,
        result_id=kind.result_of(reply.data)[:128],
    )


def _failed(action: RemoteAction, error: PandabaseError | ConfigurationError) -> None:
    """Decide what an error means, of the request or of what comes before it."""
    now = timezone.now()
    words = kept_words(action, str(error))
    told: dict[str, Any] = {
        "http_status": error.status if isinstance(error, APIError) else None,
        "request_id": str(getattr(error, "request_id", "")),
    }
    is_ours = action.sent_at is not None
    # Before it was sent here, another worker may have moved it on.
    expected = RemoteAction.UNDECIDED if is_ours else (State.PREPARED,)
    if is_ours and _may_be_executed(error):
        conflict = isinstance(error, StateConflict)
        advance(
            action,
            expected=[State.SENT],
            state=State.UNKNOWN,
            outcome=words,
            watch_until=now + (CONFLICT_WATCH if conflict else WATCH),
            next_attempt_at=now,
            **told,
        )
        return
    if isinstance(error, PandabaseError) and error.retryable:
        wait = BACKOFF[min(max(action.tries, 1), len(BACKOFF)) - 1]
        asked_for = timedelta(seconds=error.retry_after_seconds or 0)
        advance(
            action,
            expected=expected,
            state=State.PREPARED,
            outcome=words,
            sent_at=None,
            watch_until=None,
            next_attempt_at=now + max(min(wait, timedelta(minutes=5)), asked_for),
            **told,
        )
        return
    sent = isinstance(error, APIError) and getattr(error, "sent", True)
    text = (_("Pandabase refused it: %(why)s") if sent else _("Nothing was sent: %(why)s")) % {
        "why": words or type(error).__name__
    }
    close(
        action,
        State.REFUSED,
        text,
        expected=expected,
        by=SettledBy.ANSWER,
        now=now,
        **told,
    )


def _may_be_executed(error: PandabaseError | ConfigurationError) -> bool:
    """Whether an error leaves it open what became of the request.

    A 409 is an answer, but of which request: one that was repeated on the way meets what the first
    one did.
    """
    return isinstance(error, StateConflict) or (
        isinstance(error, PandabaseError) and error.outcome_unknown
    )
