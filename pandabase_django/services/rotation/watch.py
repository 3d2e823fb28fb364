"""Looks after attempts that wait: for time, or for a worker that was killed."""

from __future__ import annotations

import traceback
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F

from pandabase_django.conf import conf
from pandabase_django.exceptions import PandabaseError, interruptions
from pandabase_django.models import RotationAttempt
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.rotation.context import (
    RotationContext,
    StoreWire,
    refuse_outer_transaction,
)
from pandabase_django.services.rotation.judge import end_unsent, settle
from pandabase_django.services.rotation.preflight import remove_left_canaries
from pandabase_django.services.rotation.spool import pick_up_spool
from pandabase_django.services.rotation.transitions import State, attempt_of, is_held_back

__all__ = ["Watched", "watch_rotations"]

logger = get_logger(__name__)

FORGOTTEN_AFTER = timedelta(minutes=2)  # a worker takes a new attempt within seconds
EXPIRES_AFTER = timedelta(hours=1)
LOOKS_FOR = timedelta(seconds=50)  # the next task comes after a minute


@dataclass(slots=True)
class Watched:
    """What a look has found.

    Attributes:
        to_run: Attempts that a task should run now.
        looked_at: How many open attempts were looked at.
        failed: Attempts that could not be looked at, with the reason.
    """

    to_run: list[uuid.UUID] = field(default_factory=list)
    looked_at: int = 0
    failed: list[tuple[uuid.UUID, str]] = field(default_factory=list)


class OneTry(StoreWire):
    """The next look, in a minute, is the next try."""

    tries = 1


def watch_rotations(*, context: RotationContext | None = None) -> Watched:
    """Look at open attempts, and move them on where that is possible.

    Those that nobody has looked at for longest come first. After 50 seconds no further look begins,
    since a remote that says nothing costs ten seconds each time: the next task goes on with them.

    Attempts that no worker has taken are named to be run, and ended after an hour, since nobody
    expects a rotation asked for yesterday. One that can't be looked at holds up no other.

    Nothing is looked at while this deployment must not rotate.

    Raises:
        RotationError: Inside a transaction.
    """
    refuse_outer_transaction()
    if conf.read_only:
        return Watched()
    context = context or RotationContext(wire=OneTry())
    pick_up_spool(context=context)
    remove_left_canaries(context=context)
    seen = Watched()
    until = context.clock() + LOOKS_FOR
    waiting = RotationAttempt.objects.open().order_by(F("checked_at").asc(nulls_first=True), "pk")
    for attempt_id, checked_at, store_id in waiting.values_list("pk", "checked_at", "token__store"):
        if context.clock() >= until:
            break
        with about(store=store_id):
            _look_and_report(attempt_id, checked_at, seen, context=context)
    return seen


def _look_and_report(
    attempt_id: uuid.UUID, checked_at: datetime | None, seen: Watched, *, context: RotationContext
) -> None:
    try:
        _look_at(attempt_id, checked_at, seen, context=context)
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


def _look_at(
    attempt_id: uuid.UUID, checked_at: datetime | None, seen: Watched, *, context: RotationContext
) -> None:
    attempt = attempt_of(attempt_id)
    if is_held_back(attempt):
        return
    age = context.clock() - attempt.prepared_at
    prepared = attempt.state == State.PREPARED
    if prepared and age <= EXPIRES_AFTER:
        seen.looked_at += 1
        if age > FORGOTTEN_AFTER:
            seen.to_run.append(attempt.pk)
        return
    mine = RotationAttempt.objects.open().filter(pk=attempt_id, checked_at=checked_at)
    if not mine.update(checked_at=context.clock()):
        return  # another task has looked, or looks just now
    seen.looked_at += 1
    if prepared:
        text = "Nothing was sent: no worker took it within an hour."
        end_unsent(attempt, text, expected=State.PREPARED, context=context)
        return
    follow_up = settle(attempt, context=context)
    if follow_up is not None:
        seen.to_run.append(follow_up.pk)
