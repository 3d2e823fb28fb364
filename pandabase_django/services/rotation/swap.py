"""Puts a verified secret in the place of the old one, and swaps roles where that was asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.rotation.context import RotationContext
from pandabase_django.services.rotation.replies import unpacked
from pandabase_django.services.rotation.transitions import (
    State,
    advance,
    announce,
    close,
    sealed_column,
    sealed_reply,
    token_now,
)
from pandabase_django.services.tokens.permissions import granted_codes, what_lacks
from pandabase_django.services.tokens.roles import activate_token, active_token, lock_store

__all__ = ["swap", "swap_by_late_answer", "write_secret"]

logger = get_logger(__name__)


class _Overtaken(Exception):
    """Somebody moved the token or the attempt between our look and our write."""


def swap(
    attempt: RotationAttempt,
    token: ApiToken,
    secret: Secret,
    *,
    context: RotationContext,
    late: Secret | None = None,
) -> bool:
    """Store a secret that a signed GET has just verified, and close the attempt.

    Args:
        attempt: Open, with a kept answer or ``late``.
        token: As it was read before the GET; its version guards the write.
        secret: From the answer.
        context: Seams.
        late: The answer of an earlier roll that has it. The attempt takes a copy in the same
            commit, so that whoever finds it VERIFIED finds the secret with it.

    Returns:
        Whether it was stored. It is not when another secret was installed meanwhile and works,
        when that is not clear (then the attempt stays as it is), or when somebody else was first.
    """
    old = token.secret
    if attempt.from_version != token.secret_version:
        installed = context.wire.try_secret(token, secret=old)
        if installed.works:
            text = "Another secret was installed meanwhile; it works and stays."
            close(
                attempt,
                State.FAILED_SAFE,
                text,
                expected=RotationAttempt.TAKES_A_SECRET,
                context=context,
            )
        if not installed.refused:
            return False
    changes: dict[str, Any] = {} if late is None else {"reply": sealed_reply(attempt, late)}
    if not advance(
        attempt,
        expected=RotationAttempt.TAKES_A_SECRET,
        context=context,
        state=State.VERIFIED,
        fingerprint=current_keyring().fingerprint(secret),
        **changes,
    ):
        return False
    active = active_token(token.store_id) if attempt.flip else None
    problem = _problem_of_flip(token, secret, active=active, context=context)
    try:
        with transaction.atomic(durable=True):
            if attempt.flip and not problem:
                problem = _flip(token, active=active)
            _write_end(attempt, token, secret, problem=problem, context=context)
    except _Overtaken:
        attempt.refresh_from_db()
        return False
    attempt.refresh_from_db()
    announce(attempt, context=context)
    _see_the_old_one_refused(attempt, token, old, context=context)
    return True


def swap_by_late_answer(attempt: RotationAttempt, *, context: RotationContext) -> bool:
    """Try what earlier rolls answered when this attempt was open already, each answer once.

    Args:
        attempt: Held or lost.
        context: Seams.

    Returns:
        Whether it is clear that none of them holds a working secret. It is not when the remote
        did not say, or when one works and could not be stored: the next look tries again.
    """
    token = token_now(attempt)
    untried = Q(checked_at__isnull=True) | Q(checked_at__lt=F("journaled_at"))
    all_refused = True
    for earlier in _late_answers(token).filter(untried):
        try:
            candidates = unpacked(earlier.reply).likely()
        except SealError as error:
            logger.error("The answer of rotation %s can't be opened: %s", earlier.pk, error)
            continue
        refused = True
        for candidate in candidates:
            if candidate.secret == token.secret:
                continue
            answer = context.wire.try_secret(token, secret=candidate.secret)
            if answer.works:
                swap(attempt, token, candidate.secret, context=context, late=earlier.reply)
                return False
            refused = refused and answer.refused
        if refused:
            # A refused secret stays refused. Each further try would be one useless 401 a minute.
            RotationAttempt.objects.filter(pk=earlier.pk).update(checked_at=context.clock())
        all_refused = all_refused and refused
    return all_refused


def _late_answers(token: ApiToken) -> QuerySet[RotationAttempt]:
    """Closed attempts whose answers came after their end, beside a later attempt."""
    return token.rotations.real().filter(reply__isnull=False, closed_at__lt=F("journaled_at"))


def write_secret(token: ApiToken, secret: Secret, *, context: RotationContext) -> bool:
    """Replace the secret of a token by compare-and-set; call inside a transaction.

    Returns:
        Whether the token was still at the version it was read with.
    """
    field = sealed_column(ApiToken, "secret")
    now = context.clock()
    changed = ApiToken.objects.filter(pk=token.pk, secret_version=token.secret_version).update(
        secret=field.handle(token, field.seal(token, secret)),
        secret_hint=secret.hint,
        secret_version=F("secret_version") + 1,
        secret_set_at=now,
        health=ApiToken.Health.OK,
        health_reason="",
        last_tested_at=now,
    )
    return changed == 1


def _write_end(
    attempt: RotationAttempt,
    token: ApiToken,
    secret: Secret,
    *,
    problem: str,
    context: RotationContext,
) -> None:
    if not write_secret(token, secret, context=context):
        raise _Overtaken
    changes: dict[str, Any] = {
        "state": State.DONE,
        "closed_at": context.clock(),
        "to_version": token.secret_version + 1,
        "phase": "",
        # The token has the secret now: one copy less to guard.
        "reply": None,
        "outcome": _outcome(flip=attempt.flip, problem=problem),
    }
    if (
        RotationAttempt.objects.open().filter(pk=attempt.pk, state=State.VERIFIED).update(**changes)
        != 1
    ):
        raise _Overtaken
    _forget_late_copies(token, secret)


def _forget_late_copies(token: ApiToken, secret: Secret) -> None:
    """Delete the answers of earlier attempts that hold the secret of the token.

    They are found by the secret itself: the caller need not have it from there.
    """
    for earlier in _late_answers(token):
        try:
            reply = unpacked(earlier.reply)
        except SealError:
            continue  # nobody else can open it either
        if any(found.secret == secret for found in [*reply.likely(), *reply.texts()]):
            RotationAttempt.objects.filter(pk=earlier.pk).update(reply=None)


def _outcome(*, flip: bool, problem: str) -> str:
    if problem:
        return f"The new secret works. The roles stay as they were: {problem}"
    if flip:
        return "The new secret works, and this token is the active one now."
    return "The new secret works."


def _problem_of_flip(
    token: ApiToken, secret: Secret, *, active: ApiToken | None, context: RotationContext
) -> str:
    if active is None or active.pk == token.pk:
        return ""
    wanted = granted_codes(active)
    tried = context.wire.try_permissions(token, secret=secret, codes=sorted(wanted))
    return what_lacks(tried, token=token, wanted=wanted)


def _flip(token: ApiToken, *, active: ApiToken | None) -> str:
    """Make the token the active one in the place of the one it was compared with.

    Returns:
        Why not; "" when it was done.
    """
    lock_store(token.store_id)
    siblings = ApiToken.objects.filter(store_id=token.store_id)
    before = siblings.active().exclude(pk=token.pk).first()
    if before is not None and before != active:
        return "Another token was made active meanwhile."
    activate_token(token)
    if before is not None:
        # The policy was meant for the credential in use: it must not end with the first flip.
        siblings.filter(pk=token.pk, rotate_after_days__isnull=True).update(
            rotate_after_days=before.rotate_after_days
        )
    return ""


def _see_the_old_one_refused(
    attempt: RotationAttempt, token: ApiToken, old: Secret, *, context: RotationContext
) -> None:
    answer = context.wire.try_secret(token, secret=old)
    if answer.refused:
        words = "The old one is refused."
    elif answer.works:
        words = "The old one still works: see in the dashboard whether it should."
    else:
        words = f"Whether the old one is refused is not clear: {answer.message}"
    RotationAttempt.objects.filter(pk=attempt.pk).update(outcome=f"{attempt.outcome} {words}")
    attempt.refresh_from_db()
