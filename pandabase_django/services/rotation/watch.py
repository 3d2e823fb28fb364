"""Looks after attempts that wait: for time, or for a worker that was killed."""

from __future__ import annotations

import traceback
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from pandabase_django.conf import conf
from pandabase_django.exceptions import PandabaseError, interruptions
from pandabase_django.models import RotationAttempt
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.judge import end_unsent, settle
from pandabase_django.services.rotation.preflight import remove_left_canaries
from pandabase_django.services.rotation.spool import pick_up_spool
from pandabase_django.services.rotation.transitions import State, attempt_of, is_held_back

__all__ = ["Watched", "watch_rotations"]

logger = get_logger(__name__)

FORGOTTEN_AFTER = timedelta(minutes=2)  # a worker takes a new attempt within seconds
EXPIRES_AFTER = timedelta(hours=1)


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


def watch_rotations(*, context: RotationContext | None = None) -> Watched:
    """Look at every open attempt once, and move it on where that is possible.

    Attempts that no worker has taken are named to be run, and ended after an hour, since nobody
    expects a rotation asked for yesterday. One that can't be looked at holds up no other.

    Nothing is looked at while this deployment must not rotate.

    Raises:
        RotationError: Inside a transaction.
    """
    refuse_outer_transaction()
    if conf.read_only:
        return Watched()
    context = context or RotationContext()
    pick_up_spool(context=context)
    remove_left_canaries(context=context)
    seen = Watched()
    for attempt_id, store_id in RotationAttempt.objects.open().values_list("pk", "token__store"):
        seen.looked_at += 1
        with about(store=store_id):
            _look_and_report(attempt_id, seen, context=context)
    return seen


def _look_and_report(attempt_id: uuid.UUID, seen: Watched, *, context: RotationContext) -> None:
    try:
        _look_at(attempt_id, seen, context=context)
    except PandabaseError as error:
        logger.error("Rotation %s could not be looked at: %s", attempt_id, error)
        seen.failed.append((attempt_id, str(error)))
    except interruptions():
        raise
    except Exception as error:  # noqa: BLE001  of one attempt; the others' secrets matter too
        # Where, and not what: nobody knows what such a message quotes.
        where = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
        logger.error("Rotation %s could not be looked at: %s\n%s", attempt_id, name, where)
        seen.failed.append((attempt_id, name))


def _look_at(attempt_id: uuid.UUID, seen: Watched, *, context: RotationContext) -> None:
    attempt = attempt_of(attempt_id)
    if is_held_back(attempt):
        return
    if attempt.state == State.PREPARED:
        _look_at_prepared(attempt, seen, context=context)
        return
    follow_up = settle(attempt, context=context)
    if follow_up is not None:
        seen.to_run.append(follow_up.pk)


def _look_at_prepared(attempt: RotationAttempt, seen: Watched, *, context: RotationContext) -> None:
    age = context.clock() - attempt.prepared_at
    if age > EXPIRES_AFTER:
        text = "Nothing was sent: no worker took it within an hour."
        end_unsent(attempt, text, expected=State.PREPARED, context=context)
    elif age > FORGOTTEN_AFTER:
        seen.to_run.append(attempt.pk)
