"""Gives the database what lies in the spool."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

from pandabase_django.conf import conf
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import RotationAttempt
from pandabase_django.services.rotation import spool
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.record import keep_reply, sealed_column
from pandabase_django.services.rotation.replies import unpacked

__all__ = ["PickedUp", "pick_up_spool"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PickedUp:
    """What became of the files of this machine's spool.

    Attributes:
        attempts: Whose answers the database has now.
        left: Names of files that stay, with the reason.
    """

    attempts: tuple[uuid.UUID, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


def pick_up_spool(*, context: RotationContext | None = None) -> PickedUp:
    """Give the database what lies in the spool. Sends nothing.

    A file goes only when the database has its answer. One that is not ours, or that the present
    keys can't open, stays and is named. So is a folder that can't be read: nothing is sent while
    it is so, and what turns up in it later opens its rotation again.

    Raises:
        RotationError: Inside a transaction.
        DatabaseError: The database is still down.
    """
    context = context or RotationContext()
    taken: list[uuid.UUID] = []
    left: list[tuple[str, str]] = []
    try:
        files = list(spool.spooled_replies())
    except OSError as error:
        logger.error("The spool can't be read: %s", error.strerror or error)
        return PickedUp(left=((str(conf.rotation_spool), f"It can't be read: {error.strerror}."),))
    for file in files:
        refuse_outer_transaction()
        why = _pick_up(file, context=context)
        if why:
            left.append((file.path.name, why))
            logger.error("A spooled answer stays in %s: %s", file.path, why)
        elif file.attempt_id is not None:
            taken.append(file.attempt_id)
    return PickedUp(tuple(taken), tuple(left))


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
    except FileNotFoundError:
        return ""  # its sender, or another process, was faster
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
    try:
        spool.remove(file.path)
    except OSError as error:
        return f"The database has it, and it can't be removed: {error.strerror}."
    return ""
