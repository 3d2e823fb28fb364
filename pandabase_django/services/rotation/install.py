"""Takes a secret that a person has: rolled in the dashboard, or chosen from a held answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import InvalidCredential, RotationError, TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.reasons import kept_reason
from pandabase_django.services.rotation.context import (
    Answer,
    RotationContext,
    refuse_outer_transaction,
)
from pandabase_django.services.rotation.judge import sender_may_live
from pandabase_django.services.rotation.replies import KeptReply, unpacked
from pandabase_django.services.rotation.swap import swap, write_secret
from pandabase_django.services.rotation.transitions import (
    State,
    announce,
    token_now,
)
from pandabase_django.services.tokens.connection import check_secret
from pandabase_django.services.tokens.holding import refuse_foreign
from pandabase_django.services.tokens.roles import lock_token

__all__ = ["HeldText", "held_texts", "install_from_held", "install_secret"]


@dataclass(frozen=True, slots=True)
class HeldText:
    """A text of a kept answer, shown so that a person can choose it.

    Attributes:
        place: Where it is in the answer; names it in ``install_from_held``.
        hint: At most its last four characters.
        length: In characters.
    """

    place: str
    hint: str
    length: int


def install_secret(
    token: ApiToken,
    *,
    secret: Secret,
    reason: str,
    user_id: Any = None,
    trigger: str = RotationAttempt.Trigger.INSTALL,
    context: RotationContext | None = None,
) -> RotationAttempt:
    """Verify a secret at once and put it in the place of the old one.

    Every open rotation of the token is closed: this answers it. Nothing is changed unless a
    signed request with the secret worked.

    Returns:
        The new row of the history.

    Raises:
        ValueError: The secret or the reason has not the right form.
        OtherEnvironment: The token is not to be used here.
        InvalidCredential: Pandabase refuses the secret.
        TransportError: Pandabase gave no clear answer; try again.
        RotationError: Inside a transaction, or a request of another rotation is under way.
    """
    refuse_outer_transaction()
    context = context or RotationContext()
    reason = kept_reason(reason)
    if not reason:
        raise ValueError("An installed secret needs a reason for its history.")
    check_secret(secret)
    refuse_foreign(token)
    if not token.is_usable:
        raise RotationError(f"The token {token.name} is retired.")
    before = _moves(token)
    _refuse_while_sending(token, context=context)
    answer = context.wire.try_secret(token, secret=secret)
    _refuse_unless_it_works(answer)
    with transaction.atomic(durable=True):
        # Nobody sends a rotation of this token while it is locked.
        current = lock_token(token.pk)
        # A roll that was sent after the secret was tried may have killed it.
        if _moves(token) != before or not write_secret(current, secret, context=context):
            raise RotationError("The token was changed at the same moment; try again.")
        outcome = "Closed by a secret that was installed by hand."
        token.rotations.open().end(outcome=outcome, at=context.clock())
        attempt = RotationAttempt.objects.create(
            token=token,
            state=State.DONE,
            trigger=trigger,
            started_by_id=user_id,
            reason=reason,
            from_version=current.secret_version,
            to_version=current.secret_version + 1,
            prepared_at=context.clock(),
            closed_at=context.clock(),
            request_id=answer.request_id,
            fingerprint=current_keyring().fingerprint(secret),
            outcome="The installed secret works.",
        )
    announce(attempt, context=context)
    token.refresh_from_db()
    return attempt


def held_texts(attempt: RotationAttempt) -> list[HeldText]:
    """Texts of a kept answer that could be a secret, without showing them.

    Raises:
        RotationError: The attempt has no kept answer.
        SealError: It can't be opened.
    """
    return [
        HeldText(found.place, found.secret.hint, len(found.secret.reveal()))
        for found in _reply(attempt).texts()
    ]


def install_from_held(
    attempt: RotationAttempt, *, place: str, context: RotationContext | None = None
) -> RotationAttempt:
    """Verify one text of a kept answer and install it.

    Args:
        attempt: Open, with a kept answer.
        place: As ``held_texts`` names it.
        context: Seams.

    Raises:
        RotationError: There is no such text, the attempt is closed, or somebody was faster.
        InvalidCredential: Pandabase refuses this text.
        TransportError: Pandabase gave no clear answer; try again.
        SealError: The answer can't be opened.
    """
    refuse_outer_transaction()
    context = context or RotationContext()
    attempt.refresh_from_db()
    if not attempt.is_open:
        raise RotationError("This rotation is closed.")
    chosen = next((found for found in _reply(attempt).texts() if found.place == place), None)
    if chosen is None:
        raise RotationError(f"The kept answer has no text at {place[:100]}.")
    token = token_now(attempt)
    answer = context.wire.try_secret(token, secret=chosen.secret)
    _refuse_unless_it_works(answer)
    if not swap(attempt, token, chosen.secret, context=context):
        if attempt.is_held:
            raise TransportError(
                "Whether the secret that was installed meanwhile works is not clear. Nothing was "
                "changed; try again."
            )
        raise RotationError("This rotation was settled otherwise meanwhile.")
    return attempt


def _refuse_unless_it_works(answer: Answer) -> None:
    if answer.refused:
        raise InvalidCredential(
            f"{answer.message} Nothing was changed.", status=401, request_id=answer.request_id
        )
    if not answer.works:
        raise TransportError(f"{answer.message} Nothing was changed; try again.")


def _reply(attempt: RotationAttempt) -> KeptReply:
    if attempt.reply is None:
        raise RotationError("This rotation has no kept answer.")
    return unpacked(attempt.reply)


def _moves(token: ApiToken) -> tuple[int, str, int]:
    """What changes whenever the token gets another secret, another role, or a roll is sent."""
    now = ApiToken.objects.only("secret_version", "role").get(pk=token.pk)
    return now.secret_version, now.role, token.rotations.filter(sent_at__isnull=False).count()


def _refuse_while_sending(token: ApiToken, *, context: RotationContext) -> None:
    """An installed secret would be killed by a roll that is executed after it."""
    sent = RotationAttempt.objects.open().filter(token=token, state=State.SENT).first()
    if sent is not None and sender_may_live(sent, context=context):
        raise RotationError(
            "A rotation of this token is being sent right now. Wait until it has an answer, two "
            "minutes at most."
        )
