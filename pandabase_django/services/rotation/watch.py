"""Looks after attempts that wait: for time, for the database, or for a worker that was killed."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import RotationAttempt
from pandabase_django.services.rotation import spool
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.preflight import remove_left_canaries
from pandabase_django.services.rotation.record import (
    State,
    attempt_of,
    close,
    keep_reply,
    sealed_column,
)
from pandabase_django.services.rotation.replies import unpacked
from pandabase_django.services.rotation.settling import settle

__all__ = ["PickedUp", "Watched", "pick_up_spool", "watch_rotations"]

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = timedelta(minutes=2)  # a worker takes a new attempt within seconds
EXPIRES_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PickedUp:
    """What became of the files of this machine's spool.

    Attributes:
        attempts: Whose answers the database has now.
        left: Names of files that stay, with the reason.
    """

    attempts: tuple[uuid.UUID, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Watched:
    """What a look has found.

    Attributes:
        to_run: Attempts that a task should run now.
        looked_at: How many open attempts there were.
        failed: Attempts that could not be looked at, with the reason.
    """

    to_run: list[uuid.UUID] = field(default_factory=list)
    looked_at: int = 0
    failed: list[tuple[uuid.UUID, str]] = field(default_factory=list)


def pick_up_spool(*, context: RotationContext | None = None) -> PickedUp:
    """Give the database what lies in the spool. Sends nothing.

    A file goes only when the database has its answer. One that is not ours, or that the present
    keys can't open, stays and is named.

    Raises:
        RotationError: Inside a transaction.
        DatabaseError: The database is still down.
    """
    context = context or RotationContext()
    taken: list[uuid.UUID] = []
    left: list[tuple[str, str]] = []
    for file in spool.spooled_replies():
        refuse_outer_transaction()
        why = _pick_up(file, context=context)
        if why:
            left.append((file.path.name, why))
            logger.error("A spooled answer stays in %s: %s", file.path, why)
        elif file.attempt_id is not None:
            taken.append(file.attempt_id)
    return PickedUp(tuple(taken), tuple(left))


def watch_rotations(*, context: RotationContext | None = None) -> Watched:
    """Look at every open attempt once, and move it on where that is possible.

    Attempts that no worker has taken are named to be run, and ended after an hour, since nobody
    expects a rotation asked for yesterday.

    Raises:
        RotationError: Inside a transaction.
    """
    refuse_outer_transaction()
    context = context or RotationContext()
    pick_up_spool(context=context)
    remove_left_canaries(context=context)
    seen = Watched()
    for attempt_id in RotationAttempt.objects.filter(closed_at__isnull=True).values_list(
        "pk", flat=True
    ):
        seen.looked_at += 1
        attempt = attempt_of(attempt_id)
        if attempt.state == State.PREPARED:
            _look_at_prepared(attempt, seen, context=context)
            continue
        try:
            follow_up = settle(attempt, context=context)
        except PandabaseError as error:
            logger.error("Rotation %s could not be looked at: %s", attempt_id, error)
            seen.failed.append((attempt_id, str(error)))
            continue
        if follow_up is not None:
            seen.to_run.append(follow_up.pk)
    return seen


def _look_at_prepared(attempt: RotationAttempt, seen: Watched, *, context: RotationContext) -> None:
    age = context.clock() - attempt.prepared_at
    if age > EXPIRES_AFTER:
        text = "Nothing was sent: no worker took it within an hour."
        close(attempt, State.FAILED_SAFE, text, expected=[State.PREPARED], context=context)
    elif age > FORGOTTEN_AFTER:
        seen.to_run.append(attempt.pk)


def _pick_up(file: spool.Spooled, *, context: RotationContext) -> str:
    """Why a file stays; "" when the database has taken it."""
    if file.attempt_id is None:
        return "Its name is not that of a rotation."
    attempt = RotationAttempt.objects.filter(pk=file.attempt_id).first()
    if attempt is None:
        return "There is no such rotation in this database."
    try:
        sealed = sealed_column(RotationAttempt, "reply").handle(attempt, file.sealed())
        reply = unpacked(sealed)
    except OSError as error:
        return f"It can't be read: {error.strerror}."
    except PandabaseError as error:
        return str(error)
    kept = keep_reply(
        attempt.pk,
        sealed,
        context=context,
        reply_status=reply.status,
        request_id=reply.request_id,
    )
    if not kept:
        return "The rotation is in a state that takes no answer."
    spool.remove(file.path)
    return ""
