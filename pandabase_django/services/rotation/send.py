"""Runs a recorded rotation: preflight, the one request, and keeping its answer."""

from __future__ import annotations

import uuid
from pathlib import Path

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.conf import conf
from pandabase_django.crypto.secret import SealedSecret
from pandabase_django.database import connection
from pandabase_django.exceptions import (
    ConfigurationError,
    PandabaseError,
    RotationError,
    TransportError,
    interruptions,
)
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.observing.logs import about, get_logger
from pandabase_django.services.rotation import spool
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.judge import WATCH, end_unsent, settle
from pandabase_django.services.rotation.preflight import preflight, running_syncs
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.rotation.request import unfit_signer
from pandabase_django.services.rotation.transitions import (
    State,
    advance,
    attempt_of,
    is_held_back,
    keep_reply,
    sealed_reply,
)
from pandabase_django.services.tokens.roles import lock_store, lock_token

__all__ = ["run_rotation"]

logger = get_logger(__name__)

HOLD_SECONDS = 600.0  # how long an answer is held in memory while the database is down
LONGEST_PAUSE_SECONDS = 5.0
LOG_EVERY_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.5


def run_rotation(
    attempt_id: uuid.UUID | str, *, context: RotationContext | None = None
) -> RotationAttempt:
    """Take an attempt as far as it goes now. May be called again at any time, by anybody.

    While this deployment must not rotate, it stays as it is: a copy of one that another deployment
    has sent is not watched here either, since what is found missing would be rolled again.

    A second call never sends a second request: it goes on from the state it finds, and returns
    at once while another process is at work. When the answer is lost and another token can roll
    again, that follow-up runs as well.

    Returns:
        The attempt, or its follow-up, in its last state. It may still be open: WATCHING, HELD
        and LOST wait for time or for a person, SENT and JOURNALED for a later call.

    Raises:
        RotationAttempt.DoesNotExist: There is no such attempt.
        RotationError: Inside a transaction; or the answer could not be stored in ten minutes.
        SealError: The kept answer can't be opened.
    """
    refuse_outer_transaction()
    context = context or RotationContext()
    attempt = attempt_of(attempt_id)
    if is_held_back(attempt):
        return attempt
    # An answer in this machine's spool must be known before silence is taken for no answer.
    spool.pick_up_spool(context=context)
    attempt = attempt_of(attempt_id)
    with about(store=attempt.token.store_id):
        if attempt.is_open and attempt.state == State.PREPARED:
            _start(attempt, context=context)
        while True:
            follow_up = settle(attempt, context=context) if attempt.is_open else None
            if follow_up is None:
                return attempt
            attempt = attempt_of(follow_up.pk)
            _start(attempt, context=context)


def _start(attempt: RotationAttempt, *, context: RotationContext) -> None:
    if attempt.token.is_active:
        _wait_for_checkpoints(attempt, context=context)
        # With its tokens: one may have been disabled, or got another secret, in that time.
        attempt.refresh_from_db()
        if not attempt.is_open or attempt.state != State.PREPARED:
            return
    report = preflight(
        attempt.token,
        signer=attempt.signer,
        flip=attempt.flip,
        attempt=attempt,
        context=context,
    )
    if not report.ok:
        outcome = f"Nothing was sent. {' '.join(report.problems)}"
        end_unsent(attempt, outcome, expected=State.PREPARED, context=context)
        return
    now = context.clock()
    held: list[ApiToken] = []
    try:
        # Whoever commits this sends; nobody else ever does.
        sent = advance(
            attempt,
            expected=[State.PREPARED],
            context=context,
            first=lambda: held.extend(_hold_tokens(attempt)),
            state=State.SENT,
            phase="",
            sent_at=now,
            watch_until=now + WATCH,
        )
    except RotationError as error:
        end_unsent(attempt, f"Nothing was sent. {error}", expected=State.PREPARED, context=context)
        return
    if not sent:
        return
    token, signer = held  # the database may be gone by now
    try:
        reply = context.wire.roll(token, signer=signer)
    except TransportError as error:
        if error.executed:
            outcome = f"No answer came: {error} Whether it was executed is being watched."
            advance(
                attempt,
                expected=[State.SENT],
                context=context,
                state=State.WATCHING,
                outcome=outcome,
            )
        else:
            outcome = f"The request never left this machine: {error}"
            end_unsent(attempt, outcome, expected=State.SENT, context=context)
        return
    except (PandabaseError, ConfigurationError) as error:
        end_unsent(attempt, f"Nothing was sent. {error}", expected=State.SENT, context=context)
        return
    _keep_answer(attempt, reply, context=context)


def _hold_tokens(attempt: RotationAttempt) -> tuple[ApiToken, ApiToken]:
    """The token and its signer as they are now.

    Whoever disables a token, or installs a secret, comes before this or after it. Who installs one
    looks for sent rotations and closes the others.

    Raises:
        RotationError: The token that is to sign can't any more.
    """
    lock_store(attempt.token.store_id)
    token = lock_token(attempt.token_id)
    if attempt.signer_id in (None, token.pk):
        return token, token  # disabling it has ended the attempt
    signer = ApiToken.objects.get(pk=attempt.signer_id)
    problem = unfit_signer(token, signer=signer)
    if problem:
        raise RotationError(problem)
    return token, signer


def _wait_for_checkpoints(attempt: RotationAttempt, *, context: RotationContext) -> None:
    """Wait until each sync that runs now has saved its numbers again, or has ended.

    A sync that meets the old secret takes the new one and goes on: the wait spares it the repeated
    requests. It lasts at most ``PANDABASE["ROTATION_WAIT_SECONDS"]``, and the attempt shows it.
    """
    began = {run.pk: run.heartbeat_at for run in running_syncs(attempt.token)}
    waited = 0.0
    shown = ""
    while waited < conf.rotation_wait_seconds:
        behind = [
            run for run in running_syncs(attempt.token) if began.get(run.pk) == run.heartbeat_at
        ]
        words = ", ".join(f"{run.get_resource_display()} ({run.pk})" for run in behind)
        if words != shown:
            shown = words
            attempt.phase = (
                f"Waiting for running syncs to reach a checkpoint: {words}" if words else ""
            )
            RotationAttempt.objects.open().filter(pk=attempt.pk).update(phase=attempt.phase)
            context.on_change(attempt)
        if not behind:
            return
        context.sleep(LOOK_EVERY_SECONDS)
        waited += LOOK_EVERY_SECONDS
    RotationAttempt.objects.filter(pk=attempt.pk).update(phase="")


def _keep_answer(attempt: RotationAttempt, reply: RawReply, *, context: RotationContext) -> None:
    """Make the answer durable, whatever it takes: it exists nowhere else.

    Raises:
        RotationError: The database did not take it in ten minutes; says whether the spool has it.
    """
    kept = packed(reply)
    sealed: SealedSecret | None = None
    path: Path | None = None
    kept_there = False
    waited, pause, log_at = 0.0, 0.1, 0.0
    interrupted: Exception | None = None
    while True:
        try:
            sealed = sealed or sealed_reply(attempt, kept)
            path = path or _spooled(attempt.pk, sealed)
            kept_there = keep_reply(
                attempt.pk,
                sealed,
                context=context,
                reply_status=reply.status,
                request_id=reply.request_id,
            )
            break
        except Exception as error:  # noqa: BLE001  whatever it is, giving up now would lose a secret
            if isinstance(error, interruptions()):
                interrupted = error  # it waits until the answer is kept
            if waited >= log_at:
                logger.error(
                    "The answer of rotation %s could not be stored (%s); it is tried for %.0f s.",
                    attempt.pk,
                    type(error).__name__,
                    HOLD_SECONDS - waited,
                )
                log_at = waited + LOG_EVERY_SECONDS
            if waited >= HOLD_SECONDS:
                where = "It is in the spool." if path else "It is lost: no spool is configured."
                raise RotationError(
                    f"The database did not take the answer of the rotation. {where}"
                ) from None
        connection.close()
        context.sleep(pause)
        waited, pause = waited + pause, min(LONGEST_PAUSE_SECONDS, pause * 2)
    if path is not None and kept_there:
        try:
            spool.remove(path)
        except OSError as error:
            logger.error("A kept answer can't be removed from the spool: %s", error.strerror)
    if interrupted is not None:
        raise interrupted
    attempt.refresh_from_db()


def _spooled(attempt_id: uuid.UUID, sealed: SealedSecret) -> Path | None:
    """The spool is only the second place: that it fails must not keep the first from trying."""
    try:
        return spool.put(attempt_id, sealed.sealed)
    except OSError as error:
        logger.error("The spool folder failed: %s", error.strerror or error)
        return None
