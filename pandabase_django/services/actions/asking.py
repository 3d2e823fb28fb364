"""Records an action: nothing is sent before its row is committed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.database import transaction
from pandabase_django.exceptions import ActionInProgress, ActionRefused
from pandabase_django.models import RemoteAction
from pandabase_django.printable import storable
from pandabase_django.services.actions.kinds import Kind, refused
from pandabase_django.services.actions.queue import enqueue_soon
from pandabase_django.services.reasons import kept_reason
from pandabase_django.services.tokens.holding import held_back

__all__ = ["MAX_REASON_CHARACTERS", "ask", "checked_reason", "problem_of"]

MAX_REASON_CHARACTERS = 500


def ask(
    kind: Kind,
    row: Any,
    *,
    reason: str,
    by: Any = None,
    parameters: Mapping[str, Any] | None = None,
) -> RemoteAction:
    """Record an action and have a worker send it once the transaction is committed.

    Args:
        kind: What is to be done.
        row: To which mirrored row.
        reason: Why, in the shop's words.
        by: The user who asks; None for the shop's code.
        parameters: Of this kind.

    Raises:
        ActionRefused: It can't be done, by what is known here.
        ActionInProgress: What became of another action of this row is not known yet.
        TypeError: The row is of another model.
    """
    if not isinstance(row, kind.model):
        raise TypeError(f"{kind.what} takes a {kind.model.__name__}, not {type(row).__name__}.")
    reason = checked_reason(reason)
    _refuse_held_back(row)
    now = timezone.now()
    given = {
        name: storable(value) if isinstance(value, str) else value
        for name, value in (parameters or {}).items()
    }
    # As it is now, not as it was when the caller read it.
    current = kind.model._default_manager.filter(pk=row.pk, store=row.store_id).first()
    if current is None or current.gone_at is not None:
        raise refused("gone", _("%(id)s is not at Pandabase any more.") % {"id": row.pk})
    kind.check(current, given, now)
    action = RemoteAction(
        store_id=row.store_id,
        what=kind.what,
        object_id=row.pk,
        parameters=given,
        reason=reason,
        asked_by_id=None if by is None else by.pk,
        had_user=by is not None,
        asked_at=now,
        idempotency_key=secrets.token_hex(16),
        next_attempt_at=now,
    )
    same = RemoteAction.objects.open().of(row)
    try:
        with transaction.atomic():
            action.save(force_insert=True)
    except IntegrityError:
        other = same.first()
        if other is None:
            raise
        text = _("What became of an earlier action is not known yet: %(action)s")
        raise ActionInProgress(text % {"action": other}, action_id=other.pk) from None
    enqueue_soon(action)
    return action


def _refuse_held_back(row: Any) -> None:
    held = held_back(row.store_id)
    if held is not None:
        raise refused("held_back", str(held))


def checked_reason(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        ActionRefused: It is missing or too long.
    """
    kept = kept_reason(reason)
    if not 0 < len(kept) <= MAX_REASON_CHARACTERS:
        text = _("Give a reason of 1 to %(most)d characters.") % {"most": MAX_REASON_CHARACTERS}
        raise refused("reason", text)
    return kept


def problem_of(kind: Kind, row: Any, parameters: Mapping[str, Any] | None = None) -> str:
    """Why an action can't be asked for, by what is known here; "" when it can."""
    try:
        _refuse_held_back(row)
        kind.check(row, dict(parameters or {}), timezone.now())
    except ActionRefused as error:
        return error.message
    return ""
