"""Takes the next step of an action, whichever that is."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import RemoteAction
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.actions.kinds import Kind
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.sending import send
from pandabase_django.services.actions.settling import look
from pandabase_django.services.actions.transitions import State
from pandabase_django.services.tokens.holding import held_back, used_elsewhere

__all__ = ["perform", "seconds_to_next_step"]

logger = get_logger(__name__)

# After so many tries the copy is left to the syncs.
ROWS_WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)


def perform(action: RemoteAction | uuid.UUID | str) -> RemoteAction:
    """Take the steps of an action that can be taken now.

    A prepared one is sent, or stays as it is while this deployment must not. One whose answer got
    lost is looked for. Once it has ended, the mirrored rows are read again. However often and
    wherever this is called, one request is sent.

    Call it outside of transactions: that it is being sent is committed before it is. Inside one,
    only ask: a worker sends it after the commit.

    Args:
        action: The row, or its id.

    Returns:
        The row as it is then.

    Raises:
        RemoteAction.DoesNotExist: There is none.
        TransactionManagementError: A transaction is open.
    """
    transaction.refuse_outer("perform")
    pk = action.pk if isinstance(action, RemoteAction) else action
    found = RemoteAction.objects.select_related("store").get(pk=pk)
    if used_elsewhere(found.store_id) is None:
        with about(store=found.store_id):
            _take_steps(found, kind_of(found.what))
    return found


def seconds_to_next_step(action: RemoteAction) -> float | None:
    """How long until something is to be done; None when nothing is left, or it is held back."""
    if action.next_attempt_at is None:
        return None
    if used_elsewhere(action.store_id) is not None:
        return None
    if action.state == State.PREPARED and held_back(action.store_id) is not None:
        return None
    return max(0.0, (action.next_attempt_at - timezone.now()).total_seconds())


def _take_steps(action: RemoteAction, kind: Kind) -> None:
    if action.state == State.PREPARED:
        if _is_due(action) and held_back(action.store_id) is None:
            send(action, kind=kind)
    elif action.is_open and _is_due(action):
        look(action, kind=kind)
    if action.is_open and action.state == State.UNKNOWN and action.looked_at is None:
        look(action, kind=kind)
    if not action.is_open and _is_due(action):
        _read_rows(action, kind)


def _is_due(action: RemoteAction, now: datetime | None = None) -> bool:
    due = action.next_attempt_at
    return due is not None and due <= (now or timezone.now())


def _read_rows(action: RemoteAction, kind: Kind) -> None:
    """Read what is mirrored again; later once more while it does not show the action."""
    shown, read = False, True
    try:
        shown = kind.read_rows(action)
    except (PandabaseError, ConfigurationError) as error:
        read = False
        logger.info("The copy of %s was not read again: %s", action.object_id, error)
    now, tries = timezone.now(), action.rows_read_tries
    again = not read or (action.state == State.DONE and not shown)
    wait = ROWS_WAITS[tries] if again and tries < len(ROWS_WAITS) else None
    changes: dict[str, Any] = {"rows_read_at": now} if read else {}
    RemoteAction.objects.filter(pk=action.pk, closed_at__isnull=False).update(
        next_attempt_at=None if wait is None else now + wait,
        enqueued_at=None,
        rows_read_tries=tries + 1,
        **changes,
    )
    action.refresh_from_db()
