"""Moves an attempt from one state to the next, each in a transaction of its own.

Every move names the states it may start from, so that of two processes at one attempt the second
finds nothing to move.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.db import IntegrityError

from pandabase_django import signals
from pandabase_django.crypto.fields import SealedField
from pandabase_django.crypto.secret import SealedSecret, Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import HeldBack
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.observing.logs import about, facts, get_logger
from pandabase_django.services.rotation.context import RotationContext
from pandabase_django.services.tokens.holding import held_back

__all__ = [
    "State",
    "advance",
    "announce",
    "attempt_of",
    "close",
    "is_held_back",
    "keep_reply",
    "sealed_column",
    "sealed_reply",
    "token_now",
    "why_held_back",
]

logger = get_logger(__name__)

State = RotationAttempt.State


def attempt_of(attempt_id: uuid.UUID | str) -> RotationAttempt:
    """An attempt with its token and signer.

    Raises:
        RotationAttempt.DoesNotExist: There is none.
    """
    return RotationAttempt.objects.select_related("token__store", "signer").get(pk=attempt_id)


def is_held_back(attempt: RotationAttempt) -> bool:
    """Whether this deployment must not go on with it; see ``why_held_back``."""
    return why_held_back(attempt) is not None


def why_held_back(attempt: RotationAttempt) -> HeldBack | None:
    """Why this deployment must not go on with it; None when it may."""
    token = attempt.token
    return held_back(token.store_id, token, attempt.signer or token)


def token_now(attempt: RotationAttempt) -> ApiToken:
    """The token as the database has it now."""
    return ApiToken.objects.select_related("store").get(pk=attempt.token_id)


def advance(
    attempt: RotationAttempt,
    *,
    expected: Iterable[str],
    context: RotationContext,
    first: Callable[[], object] = lambda: None,
    **changes: Any,
) -> bool:
    """Commit a move of an open attempt, unless somebody else has moved it meanwhile.

    Args:
        attempt: Refreshed in either case.
        expected: States it may be in.
        context: Its ``on_change`` gets the new state.
        first: Called in the transaction, to take locks; what it raises moves nothing.
        **changes: Columns to set.

    Returns:
        Whether it was moved.
    """
    with transaction.atomic(durable=True):
        first()
        rows = RotationAttempt.objects.open().filter(pk=attempt.pk, state__in=list(expected))
        moved = rows.update(**changes)
    attempt.refresh_from_db()
    if moved:
        announce(attempt, context=context)
    return bool(moved)


def close(
    attempt: RotationAttempt,
    state: str,
    outcome: str,
    *,
    expected: Iterable[str],
    context: RotationContext,
    **changes: Any,
) -> bool:
    """Commit an end from which nothing more is needed. See ``advance``."""
    return advance(
        attempt,
        expected=expected,
        context=context,
        state=state,
        outcome=outcome,
        phase="",
        closed_at=context.clock(),
        **changes,
    )


def announce(attempt: RotationAttempt, *, context: RotationContext) -> None:
    """Report a committed state to the log, the watcher and the receivers of signals."""
    with about(store=attempt.token.store_id):
        _report(attempt)
    context.on_change(attempt)


def _report(attempt: RotationAttempt) -> None:
    token = attempt.token
    said = facts(request_id=attempt.request_id)
    if attempt.state in RotationAttempt.FAILED:
        logger.warning(
            "Rotation %s of %s (%s): %s. %s",
            attempt.pk,
            token.name,
            token.store_id,
            attempt.state,
            attempt.outcome,
            extra=said,
        )
        signals.send(signals.rotation_failed, sender=RotationAttempt, token=token, attempt=attempt)
    else:
        logger.info(
            "Rotation %s of %s (%s): %s",
            attempt.pk,
            token.name,
            token.store_id,
            attempt.state,
            extra=said,
        )
    if attempt.state == State.DONE:
        token.refresh_from_db()
        signals.send(signals.secret_rotated, sender=RotationAttempt, token=token, attempt=attempt)


def keep_reply(
    attempt_id: uuid.UUID,
    sealed: SealedSecret,
    *,
    context: RotationContext,
    reply_status: int,
    request_id: str,
) -> bool:
    """Commit a sealed answer; a second call for the same attempt changes nothing.

    An attempt that was closed meanwhile is opened again for it, unless a later one is open: the
    answer is the newest word of the remote, and nothing of it may be dropped. Beside a later one it
    waits, and is tried if that one leaves no working secret. What an attempt has taken of an
    earlier roll's answer gives way to its own.

    Returns:
        Whether the database has it now.
    """
    taken = {
        "reply": sealed,
        "reply_status": reply_status,
        "request_id": request_id,
        "journaled_at": context.clock(),
    }
    # Not by the answer itself: it is deleted once the token has its secret.
    waiting = RotationAttempt.objects.filter(pk=attempt_id, journaled_at__isnull=True)
    with transaction.atomic(durable=True):
        moved = (
            waiting.open()
            .filter(state__in=RotationAttempt.TAKES_A_REPLY)
            .update(state=State.JOURNALED, **taken)
        )
    if not moved:
        ended = waiting.filter(closed_at__isnull=False)
        if not 200 <= reply_status < 300:
            # Done by an earlier roll's answer, and this one takes nothing of that back.
            ended = ended.exclude(state=State.DONE)
        try:
            with transaction.atomic(durable=True):
                moved = ended.update(state=State.JOURNALED, closed_at=None, **taken)
        except IntegrityError:
            with transaction.atomic(durable=True):
                ended.update(**taken)
    if moved:
        announce(attempt_of(attempt_id), context=context)
    attempt = attempt_of(attempt_id)
    return attempt.journaled_at is not None or attempt.state == State.DONE


def sealed_reply(attempt: RotationAttempt, answer: Secret) -> SealedSecret:
    """A packed answer, sealed to this attempt.

    Raises:
        SealError: There is no key, or the answer is another row's and can't be opened.
    """
    field = sealed_column(RotationAttempt, "reply")
    return field.handle(attempt, field.seal(attempt, answer))


def sealed_column(model: type[Any], name: str) -> SealedField:
    """A sealed field of a model."""
    field = model._meta.get_field(name)
    assert isinstance(field, SealedField)  # noqa: S101  for the type checker
    return field
