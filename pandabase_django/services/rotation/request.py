"""Which rotations are open to a token, and the record of one that is asked for.

Sends nothing; may run inside a page's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.exceptions import RotationError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt, Store
from pandabase_django.services.reasons import kept_reason
from pandabase_django.services.rotation.transitions import State
from pandabase_django.services.tokens.holding import held_back, is_foreign, refuse_write
from pandabase_django.services.tokens.roles import lock_store, lock_token

__all__ = [
    "Way",
    "cancel_rotation",
    "record_attempt",
    "request_pair_rotation",
    "request_rotation",
    "unfit_signer",
    "ways_to_rotate",
]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to rotate.

    Attributes:
        token: Whose secret is rolled.
        signer: Who signs the request.
        flip: The rolled token becomes the store's active one.
        folded: A better one of its kind exists.
    """

    token: ApiToken
    signer: ApiToken
    flip: bool = False
    folded: bool = False

    @property
    def key(self) -> str:
        """Names it among the ways of one token."""
        if self.flip:
            return f"pair:{self.token.pk}"
        return "itself" if self.token == self.signer else f"by:{self.signer.pk}"


def ways_to_rotate(token: ApiToken) -> list[Way]:
    """The ways that are open to a token, the best first.

    The best of each kind comes first; the others are folded, since a store has up to 25 tokens.
    """
    if not token.token_id or held_back(token.store_id, token) is not None:
        return []
    others = list(
        ApiToken.objects.usable()
        .filter(store=token.store_id, base_url=token.base_url, environment=token.environment)
        .exclude(pk=token.pk)
        .exclude(health=ApiToken.Health.SUSPECT)
        .order_by("role", F("secret_set_at").asc(nulls_first=True))
    )
    open_states = dict(
        RotationAttempt.objects.open()
        .filter(token__in=[token, *others])
        .values_list("token_id", "state")
    )
    state = open_states.get(token.pk)
    free = [other for other in others if other.pk not in open_states]
    answerable = state in RotationAttempt.NEEDS_A_SECRET
    # What was held or lost, another token's roll may answer; anything else has to end first.
    signed = [Way(token, other) for other in free] if state is None or answerable else []
    itself = [Way(token, token)] if state is None else []
    if token.is_active:
        pairs = [Way(other, token, flip=True) for other in free if other.token_id]
        if answerable:
            pairs = []  # its own secret, which would sign, is the one in doubt
    else:
        active = [other for other in free if other.is_active]
        pairs = [Way(token, other, flip=True) for other in active] if signed else []
    first = [*pairs[:1], *signed[:1], *itself]
    return first + [replace(way, folded=True) for way in (*pairs[1:], *signed[1:])]


def request_rotation(
    token: ApiToken,
    *,
    reason: str,
    trigger: str,
    signer: ApiToken | None = None,
    user_id: Any = None,
    flip: bool = False,
) -> RotationAttempt:
    """Record a rotation for ``run_rotation``, which the caller enqueues on commit.

    An open attempt that is HELD or LOST is closed when another token signs: the new roll answers
    it. Its kept reply stays with it.

    Args:
        token: Whose secret is rolled.
        reason: Why, for the history.
        trigger: A ``RotationAttempt.Trigger``.
        signer: The token that signs the request; None for the token itself.
        user_id: Who asked for it.
        flip: Make the token its store's active one at the end, if it is allowed what the active
            one is used for.

    Raises:
        HeldBack: This deployment must not rotate.
        ValueError: The reason is empty.
        RotationInProgress: The token has an open rotation already, or another one of its store
            is being rotated; names it.
        RotationError: The token can't be rolled, or the signer can't sign for it.
    """
    refuse_write(token.store_id, token, signer or token)
    reason = kept_reason(reason)
    if not reason:
        raise ValueError("A rotation needs a reason for its history.")
    with transaction.atomic():
        # Who disables one of them, or asks for another rotation, comes before this or after it.
        lock_store(token.store_id)
        token = lock_token(token.pk)
        signer = token if signer is None else ApiToken.objects.get(pk=signer.pk)
        if not token.is_usable:
            raise RotationError(f"The token {token.name} is retired.")
        if not token.token_id:
            raise RotationError(
                f"The token {token.name} has no token id (stk_…), which the request needs. "
                "Roll its secret in the Pandabase dashboard and install it here."
            )
        problem = unfit_signer(token, signer=signer)
        if problem:
            raise RotationError(problem)
        _refuse_beside_another(token, trigger=trigger)
        superseded = None
        if signer.pk != token.pk:
            needy = RotationAttempt.objects.open().filter(
                token=token, state__in=RotationAttempt.NEEDS_A_SECRET
            )
            superseded = needy.first()
            needy.update(closed_at=timezone.now())
        return record_attempt(
            token,
            reason=reason,
            trigger=trigger,
            signer=signer,
            user_id=user_id,
            flip=flip,
            follows=superseded,
        )


def _refuse_beside_another(token: ApiToken, *, trigger: str) -> None:
    """Refuse while another token of the store is rotated: it may sign, or be the one that works.

    A person may go on beside one that waits for a person; the age policy leaves the store alone.
    """
    others = RotationAttempt.objects.open().filter(token__store=token.store_id)
    if trigger != RotationAttempt.Trigger.POLICY:
        others = others.filter(state__in=RotationAttempt.IN_FLIGHT)
    found = others.exclude(token=token).select_related("token").first()
    if found is not None:
        raise _in_progress(found)


def request_pair_rotation(
    store: Store, *, reason: str, trigger: str, user_id: Any = None
) -> RotationAttempt:
    """Record a rotation of a store during which a working secret is always stored.

    The standby token is rolled, signed by the active one; when it is allowed all the active one
    is used for, the two change roles. The former active token keeps its secret, is the standby
    then, and is the next one to be rolled.

    Raises:
        HeldBack: This deployment must not rotate.
        RotationError: The store has not both an active token and a standby with a token id that
            are used here.
        RotationInProgress: See ``request_rotation``.
        ValueError: The reason is empty.
    """
    refuse_write(store.pk)
    tokens = list(ApiToken.objects.usable().filter(store=store))
    active = next((token for token in tokens if token.is_active), None)
    standbys = [
        token
        for token in tokens
        if token.role == ApiToken.Role.STANDBY
        and token.token_id
        and active
        and not is_foreign(token)
        and not unfit_signer(token, signer=active)
    ]
    if active is None or not standbys:
        raise RotationError(
            f"{store} needs an active token and a standby with a token id for this, both of this "
            "environment. Add a second token first."
        )
    # The one with the oldest secret gains most.
    oldest = min(standbys, key=lambda token: token.secret_set_at or token.added_at)
    return request_rotation(
        oldest, reason=reason, trigger=trigger, signer=active, user_id=user_id, flip=True
    )


def cancel_rotation(attempt: RotationAttempt, *, outcome: str) -> bool:
    """End a recorded rotation of which nothing was sent.

    Returns:
        Whether it was still to be sent.
    """
    unsent = RotationAttempt.objects.open().filter(pk=attempt.pk, state=State.PREPARED)
    cancelled = unsent.update(
        state=State.FAILED_SAFE, outcome=outcome, phase="", closed_at=timezone.now()
    )
    attempt.refresh_from_db()
    return cancelled == 1


def record_attempt(
    token: ApiToken,
    *,
    reason: str,
    trigger: str,
    signer: ApiToken,
    user_id: Any,
    flip: bool,
    follows: RotationAttempt | None = None,
) -> RotationAttempt:
    """Insert the row; the constraint decides which of two is first.

    Raises:
        RotationInProgress: The token has an open rotation; names it.
    """
    # Who reads the version waits for a swap.
    version = lock_token(token.pk).secret_version
    attempt = RotationAttempt(
        token=token,
        signer=signer,
        trigger=trigger,
        started_by_id=user_id,
        reason=reason,
        from_version=version,
        prepared_at=timezone.now(),
        flip=flip,
        follows=follows,
    )
    try:
        with transaction.atomic():
            attempt.save(force_insert=True)
    except IntegrityError:
        found = RotationAttempt.objects.open().filter(token=token).first()
        if found is None:
            raise
        raise _in_progress(found) from None
    return attempt


def _in_progress(found: RotationAttempt) -> RotationInProgress:
    return RotationInProgress(
        f"The secret of {found.token.name} is being rotated already "
        f"({found.get_state_display()}, started {found.prepared_at:%Y-%m-%d %H:%M} UTC).",
        attempt_id=found.pk,
    )


def unfit_signer(token: ApiToken, *, signer: ApiToken) -> str:
    """Why a token can't sign for another; "" when it can."""
    if (signer.store_id, signer.base_url) != (token.store_id, token.base_url):
        return f"{signer.name} belongs to another store or address."
    if not signer.is_usable:
        return f"The token {signer.name} is retired."
    if is_foreign(signer):
        return f"{signer.name} belongs to another environment."
    return ""
