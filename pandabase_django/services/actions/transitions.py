"""Moves an action from one state to the next, each in a transaction of its own.

Every move names the states that it may start from, so that of two workers at one action the second
finds nothing to move.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pandabase_django import signals
from pandabase_django.api.masking import mask
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError
from pandabase_django.models import Dispute, RemoteAction
from pandabase_django.models.actions import OPEN_ACTION
from pandabase_django.observing.logs import about, facts, get_logger
from pandabase_django.services.erasures.hashes import (
    hold_off_erasures,
    is_erased,
    without_erased_addresses,
)
from pandabase_django.services.erasures.scrubbing import ERASED

__all__ = ["SettledBy", "State", "advance", "close", "kept_words"]

logger = get_logger(__name__)

State = RemoteAction.State
SettledBy = RemoteAction.SettledBy

MAX_OUTCOME_CHARACTERS = 500
# So much of what a person wrote, word for word, shows whose it is.
QUOTED_CHARACTERS = 12
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


def advance(
    action: RemoteAction, *, expected: Iterable[str], closed: bool = False, **changes: Any
) -> bool:
    """Commit a move of an action, unless somebody else has moved it.

    Args:
        action: Refreshed in either case.
        expected: States it may be in.
        closed: One that has ended is moved too: this is better known than its end.
        **changes: Columns to set.

    Returns:
        Whether it was moved.
    """
    with transaction.atomic(durable=True):
        # Moves without words need not know whose the row is.
        if (changes.get("outcome") or changes.get("closed_at")) and _of_erased(action):
            changes["outcome"] = ERASED if changes.get("outcome") else ""
            if changes.get("closed_at"):
                # Nothing is sent any more, so what an erasure left to be sent goes as well.
                changes |= {"reason": ERASED, "parameters": action.without_words()}
        elif changes.get("closed_at"):
            # In another person's evidence an erasure has left the address, too.
            given = changes.get("parameters", action.parameters)
            changes["parameters"] = without_erased_addresses(action.store_id, given)
        rows = RemoteAction.objects.filter(pk=action.pk, state__in=list(expected))
        if not closed:
            rows = rows.filter(OPEN_ACTION)
        moved = rows.update(**{"enqueued_at": None, **changes})
    action.refresh_from_db()
    return bool(moved)


def close(
    action: RemoteAction,
    state: str,
    outcome: str,
    *,
    expected: Iterable[str],
    by: str,
    now: datetime,
    **changes: Any,
) -> bool:
    """Commit an end. The mirrored rows are due to be read again; see ``advance``."""
    if state == State.DONE:
        changes["parameters"] = action.without_words()
    moved = advance(
        action,
        expected=expected,
        state=state,
        outcome=outcome,
        settled_by=by,
        closed_at=now,
        next_attempt_at=now if action.sent_at else None,
        **changes,
    )
    if moved:
        log = logger.info if state == State.DONE else logger.warning
        with about(store=action.store_id):
            log(
                "Action %s (%s) of %s: %s.",
                action.pk,
                action.what,
                action.object_id,
                action.state,
                extra=facts(request_id=action.request_id),
            )
            signals.send(signals.action_settled, sender=RemoteAction, action=action)
    return moved


def kept_words(action: RemoteAction, words: str) -> str:
    """What may be kept of the remote's words: no credential, no address, nothing of ours back."""
    for text in action.words.values():
        pieces = (text[i : i + QUOTED_CHARACTERS] for i in range(len(text)))
        if any(piece in words for piece in pieces if len(piece) == QUOTED_CHARACTERS):
            return ""
    return _ADDRESS.sub("•••@•••", mask(words))[:MAX_OUTCOME_CHARACTERS]


def _of_erased(action: RemoteAction) -> bool:
    """Whether this is of an erased person; no erasure begins until the end of the transaction."""
    hold_off_erasures()
    disputes = Dispute.objects.filter(pk=action.object_id, store=action.store_id)
    ids = [action.object_id, *disputes.values_list("order_id", flat=True)]
    try:
        return is_erased(action.store_id, [("id", pk) for pk in ids if pk])
    except SealError:
        return True  # nobody can be known again, so nothing of anybody is kept
