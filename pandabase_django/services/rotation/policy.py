"""Which secrets are old enough to be rotated by themselves."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.exceptions import PandabaseError, RotationError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.rotation.request import (
    request_pair_rotation,
    request_rotation,
    unfit_signer,
)
from pandabase_django.services.tokens.holding import stores_elsewhere
from pandabase_django.services.tokens.roles import active_token, lock_store, lock_token

__all__ = ["due_at", "due_tokens", "in_vain", "newest_by_policy", "request_due_rotations"]

logger = get_logger(__name__)

JITTER = 0.1  # of the age; so that tokens added in one hour are not rolled in one hour
PAUSE_AFTER_TRY = timedelta(days=1)


def due_at(token: ApiToken) -> datetime | None:
    """When the age policy rotates this token's secret; None without a policy or a token id.

    Up to a tenth of the age earlier than its days say, by an amount that is fixed for each secret.
    """
    if not token.rotate_after_days or not token.token_id or not token.is_usable:
        return None
    age = timedelta(days=token.rotate_after_days)
    digest = hashlib.sha256(f"{token.pk}:{token.secret_version}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return (token.secret_set_at or token.added_at) + age * (1 - JITTER * share)


def due_tokens(*, now: datetime | None = None) -> list[ApiToken]:
    """Tokens whose secret is due, at most one a store, the most overdue first.

    A store with an open rotation is left alone, and for a day so is one whose last rotation by
    this policy did not do what it was for. None while this deployment must not rotate.
    """
    if conf.read_only:
        return []
    now = now or timezone.now()
    left_alone = set(
        RotationAttempt.objects.open().values_list("token__store_id", flat=True)
    ) | _stores_tried_in_vain(now)
    left_alone |= set(stores_elsewhere())
    due: dict[str, tuple[datetime, ApiToken]] = {}
    tokens = ApiToken.objects.select_related("store").filter(
        rotate_after_days__isnull=False, store__enabled=True, environment=conf.environment
    )
    for token in tokens:
        moment = due_at(token)
        if moment is None or moment > now or token.store_id in left_alone:
            continue
        if token.store_id not in due or moment < due[token.store_id][0]:
            due[token.store_id] = (moment, token)
    return [token for _, token in sorted(due.values(), key=lambda item: item[0])]


def request_due_rotations(*, now: datetime | None = None) -> list[RotationAttempt]:
    """Record a rotation of every token that is due; the caller enqueues them.

    An active token with a standby is spared: the standby is rolled and takes its place. A standby
    is rolled by the active token, where that can sign for it. A store whose rotation can't be
    recorded is logged, and holds up no other.
    """
    now = now or timezone.now()
    recorded: list[RotationAttempt] = []
    for token in due_tokens(now=now):
        try:
            attempt = _request(token, now=now)
        except RotationInProgress:
            continue  # somebody else was first
        except PandabaseError as error:
            logger.error(
                "The due rotation of %s (%s) could not be recorded: %s",
                token.name,
                token.store_id,
                error,
                extra=facts(store=token.store_id),
            )
        else:
            if attempt is not None:
                recorded.append(attempt)
    return recorded


def in_vain(attempt: RotationAttempt) -> bool:
    """Whether a rotation that is over left the secret that is due as old as it was."""
    if attempt.state != RotationAttempt.State.DONE:
        return True
    # Rolled, but not allowed to take the active one's place: that is the one that was due.
    return attempt.flip and not attempt.token.is_active


def newest_by_policy(*, since: datetime) -> dict[str, RotationAttempt]:
    """The newest rotation of each store that this policy asked for since a time, by store."""
    asked_for = (
        RotationAttempt.objects.filter(
            trigger=RotationAttempt.Trigger.POLICY, prepared_at__gt=since
        )
        .select_related("token__store")
        .defer("reply", "token__secret")
        .order_by("prepared_at")
    )
    return {attempt.token.store_id: attempt for attempt in asked_for}


def _stores_tried_in_vain(now: datetime) -> set[str]:
    newest = newest_by_policy(since=now - PAUSE_AFTER_TRY)
    return {store_id for store_id, attempt in newest.items() if in_vain(attempt)}


def _request(token: ApiToken, *, now: datetime) -> RotationAttempt | None:
    with transaction.atomic():
        lock_store(token.store_id)
        token = lock_token(token.pk)
        moment = due_at(token)
        if moment is None or moment > now:
            return None  # rotated, or disabled, since it was found
        reason = f"Older than {token.rotate_after_days} days."
        trigger = RotationAttempt.Trigger.POLICY
        if token.is_active:
            try:
                return request_pair_rotation(token.store, reason=reason, trigger=trigger)
            except RotationInProgress:
                raise
            except RotationError:  # it has no standby that could be rolled
                return request_rotation(token, reason=reason, trigger=trigger)
        signer = active_token(token.store_id)
        if signer is not None and unfit_signer(token, signer=signer):
            signer = None
        return request_rotation(token, reason=reason, trigger=trigger, signer=signer)
