"""Finds out what became of a request, from the kept answer and from signed GETs alone.

Everything here may run twice, in two processes, at any time: it asks, and moves the attempt only
from the state it was found in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pandabase_django.database import transaction
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.rotation.context import (
    Answer,
    RotationContext,
    Validity,
    send_bound_seconds,
)
from pandabase_django.services.rotation.replies import KeptReply, PossibleSecret, unpacked
from pandabase_django.services.rotation.request import record_attempt
from pandabase_django.services.rotation.swap import swap, swap_by_late_answer
from pandabase_django.services.rotation.transitions import State, advance, close, token_now
from pandabase_django.services.tokens.roles import lock_token

__all__ = ["WATCH", "end_unsent", "sender_may_live", "settle"]

logger = get_logger(__name__)

WATCH = timedelta(hours=1)
SENDER_MARGIN_SECONDS = 10.0


def settle(attempt: RotationAttempt, *, context: RotationContext) -> RotationAttempt | None:
    """Look once, and move an open attempt on if what is seen allows it.

    Returns:
        A follow-up to run, when the answer is lost and another token can roll again.

    Raises:
        SealError: The kept answer can't be opened.
    """
    if attempt.state == State.SENT and not sender_may_live(attempt, context=context):
        advance(
            attempt,
            expected=[State.SENT],
            context=context,
            state=State.WATCHING,
            outcome="The process that sent it ended without keeping an answer.",
        )
    if attempt.is_open and attempt.state in RotationAttempt.HAS_A_REPLY:
        _judge(attempt, context=context)
    elif attempt.is_open and attempt.state == State.WATCHING:
        _watch(attempt, context=context)
    if attempt.needs_a_secret:
        none_works = swap_by_late_answer(attempt, context=context)
        # Another roll would kill a secret that may be here.
        if none_works and attempt.is_open and attempt.state == State.LOST:
            return _lead_on(attempt, context=context)
    return None


def _lose(
    attempt: RotationAttempt, outcome: str, *, expected: Iterable[str], context: RotationContext
) -> None:
    """Say that no working secret is here. The attempt stays open until one is."""
    if advance(attempt, expected=expected, context=context, state=State.LOST, outcome=outcome):
        _suspect(attempt)


def sender_may_live(attempt: RotationAttempt, *, context: RotationContext) -> bool:
    """Whether the process that committed SENT may still wait for its answer."""
    if attempt.sent_at is None:
        return False
    bound = timedelta(seconds=send_bound_seconds() + SENDER_MARGIN_SECONDS)
    return context.clock() < attempt.sent_at + bound


def _judge(attempt: RotationAttempt, *, context: RotationContext) -> None:
    """Read the kept answer."""
    token = token_now(attempt)
    reply = unpacked(attempt.reply)
    candidates = [found for found in reply.likely() if found.secret != token.secret]
    unclear = False
    for candidate in candidates:
        answer = context.wire.try_secret(token, secret=candidate.secret)
        if answer.works:
            swap(attempt, token, candidate.secret, context=context)
            return
        unclear = unclear or answer.validity is Validity.UNCLEAR
    old = context.wire.try_secret(token, secret=token.secret)
    _note_look(attempt, context=context)
    if unclear or old.validity is Validity.UNCLEAR:
        return
    if old.works:
        _judge_while_the_old_works(attempt, token, reply, candidates, context=context)
    else:
        _judge_without_a_secret(attempt, reply, candidates, context=context)


def _judge_while_the_old_works(
    attempt: RotationAttempt,
    token: ApiToken,
    reply: KeptReply,
    candidates: list[PossibleSecret],
    *,
    context: RotationContext,
) -> None:
    if attempt.from_version != token.secret_version:
        text = "Another secret was installed meanwhile; it works and stays."
        close(
            attempt, State.FAILED_SAFE, text, expected=RotationAttempt.HAS_A_REPLY, context=context
        )
    elif reply.refused_by_api:
        close(
            attempt,
            State.FAILED_SAFE,
            _way_round(reply.status),
            expected=RotationAttempt.HAS_A_REPLY,
            context=context,
        )
    elif _watched_enough(attempt, context=context):
        text = f"Pandabase answered HTTP {reply.status}, and rolled nothing: the secret works."
        close(
            attempt, State.FAILED_SAFE, text, expected=RotationAttempt.HAS_A_REPLY, context=context
        )
    elif candidates:
        _hold(
            attempt,
            "The answer holds texts that may be a secret. None of them works, and the old one "
            "still does.",
            context=context,
        )
    elif attempt.state != State.HELD:
        advance(
            attempt,
            expected=RotationAttempt.HAS_A_REPLY,
            context=context,
            state=State.WATCHING,
            outcome=f"Pandabase answered HTTP {reply.status} without a secret. The old one works; "
            "whether that lasts is being watched.",
        )


def _judge_without_a_secret(
    attempt: RotationAttempt,
    reply: KeptReply,
    candidates: list[PossibleSecret],
    *,
    context: RotationContext,
) -> None:
    if candidates or (reply.succeeded and not reply.empty):
        broken = "" if reply.complete else " The answer broke off."
        _hold(
            attempt,
            "The old secret is refused, and nothing found in the kept answer works."
            f"{broken} Choose a text of it, or install a secret from the dashboard.",
            context=context,
        )
        return
    _lose(
        attempt,
        f"Pandabase answered HTTP {reply.status} without a secret, and the old one is refused.",
        expected=[*RotationAttempt.HAS_A_REPLY, State.WATCHING],
        context=context,
    )


def _watch(attempt: RotationAttempt, *, context: RotationContext) -> None:
    token = token_now(attempt)
    old = context.wire.try_secret(token, secret=token.secret)
    _note_look(attempt, context=context)
    if old.refused:
        _end_watch_refused(attempt, old, context=context)
    elif old.works and _watched_enough(attempt, context=context):
        text = (
            "Nothing was sent, and the stored secret works."
            if attempt.sent_at is None
            else "No answer came, and the old secret worked for an hour on: nothing was rolled."
        )
        close(attempt, State.FAILED_SAFE, text, expected=[State.WATCHING], context=context)


def _end_watch_refused(attempt: RotationAttempt, old: Answer, *, context: RotationContext) -> None:
    if attempt.reply is not None:
        reply = unpacked(attempt.reply)
        _judge_without_a_secret(attempt, reply, reply.likely(), context=context)
        return
    _lose(
        attempt,
        "Nothing was sent, and the stored secret is refused."
        if attempt.sent_at is None
        else "The request was executed and its answer never arrived: nobody can read the new "
        "secret.",
        # Not one that was answered while the secret was tried: its answer is read first.
        expected=[State.WATCHING],
        context=context,
    )


def _hold(attempt: RotationAttempt, outcome: str, *, context: RotationContext) -> None:
    # A second look that finds the same must not announce it again.
    expected = [State.JOURNALED, State.VERIFIED, State.WATCHING]
    moved = advance(attempt, expected=expected, context=context, state=State.HELD, outcome=outcome)
    if not moved and attempt.outcome != outcome:
        RotationAttempt.objects.open().filter(pk=attempt.pk, state=State.HELD).update(
            outcome=outcome
        )
        attempt.refresh_from_db()


def end_unsent(
    attempt: RotationAttempt, outcome: str, *, expected: str, context: RotationContext
) -> None:
    """End an attempt of which nothing was sent: safe, unless the old secret was dead already."""
    token = token_now(attempt)
    old = context.wire.try_secret(token, secret=token.secret)
    if old.refused:
        outcome = f"{outcome} The stored secret is refused."
        _lose(attempt, outcome, expected=[expected], context=context)
    elif old.works or attempt.follows_id is None:
        close(attempt, State.FAILED_SAFE, outcome, expected=[expected], context=context)
    else:
        # The one before left the secret dead, or nearly so: the first clear look decides.
        advance(
            attempt,
            expected=[expected],
            context=context,
            state=State.WATCHING,
            watch_until=context.clock(),
            outcome=f"{outcome} Whether the stored secret works is not clear yet.",
        )


def _suspect(attempt: RotationAttempt) -> None:
    """What workers would find out one by one is said at once."""
    ApiToken.objects.filter(
        pk=attempt.token_id, secret_version=attempt.token.secret_version
    ).update(health=ApiToken.Health.SUSPECT, health_reason=attempt.outcome)


def _lead_on(attempt: RotationAttempt, *, context: RotationContext) -> RotationAttempt | None:
    """Record one more roll, signed by another token that works. Once: a chain has one link."""
    if attempt.follows_id is not None:
        return None
    token = token_now(attempt)
    others = (
        ApiToken.objects.usable()
        .filter(store_id=token.store_id, base_url=token.base_url)
        .exclude(pk=token.pk)
        .order_by("role", "pk")
    )
    for signer in others:
        if context.wire.try_secret(signer, secret=signer.secret).works:
            break
    else:
        return None
    with transaction.atomic(durable=True):
        lock_token(attempt.token_id)
        lost = RotationAttempt.objects.open().filter(pk=attempt.pk, state=State.LOST)
        closed = lost.update(closed_at=context.clock())
        if not closed:
            return None
        follow_up = record_attempt(
            token,
            reason=f"Once more, since the answer was lost. {attempt.reason}",
            trigger=attempt.trigger,
            signer=signer,
            user_id=attempt.started_by_id,
            flip=attempt.flip,
            follows=attempt,
        )
    attempt.refresh_from_db()
    said = facts(store=token.store_id)
    logger.warning("Rotation %s is followed by %s.", attempt.pk, follow_up.pk, extra=said)
    return follow_up


def _note_look(attempt: RotationAttempt, *, context: RotationContext) -> None:
    RotationAttempt.objects.filter(pk=attempt.pk).update(checked_at=context.clock())


def _watched_enough(attempt: RotationAttempt, *, context: RotationContext) -> bool:
    return attempt.watch_until is not None and context.clock() >= attempt.watch_until


def _way_round(status: int) -> str:
    if status in (401, 403):
        return (
            f"Pandabase does not let this token roll the secret (HTTP {status}); the old one "
            "works. Sign with another token, or roll it in the dashboard and install it here."
        )
    if status == 404:
        return (
            "Pandabase knows no such token (HTTP 404); the old secret works. Check the token id, "
            "or roll it in the dashboard and install it here."
        )
    if status == 429:
        return "Pandabase's rate limit refused the request (HTTP 429). Try again later."
    return f"Pandabase refused the request (HTTP {status}); the old secret works."
