"""Which token of a store is the active one: one at a time, switched under the store's lock.

Whoever needs several locks takes them in this order, so that no two wait for each other: store,
token, rotation.
"""

from __future__ import annotations

import uuid

from django.db.models import F

from pandabase_django.database import transaction
from pandabase_django.exceptions import StateConflict
from pandabase_django.models import ApiToken, Store

__all__ = ["activate_token", "active_token", "lock_store", "lock_token", "namesake"]


def active_token(store_id: str) -> ApiToken | None:
    """The token a store is called with; None when it has none."""
    return ApiToken.objects.active().filter(store_id=store_id).first()


def activate_token(token: ApiToken) -> None:
    """Make this the token its store is called with; the one before becomes STANDBY.

    Raises:
        StateConflict: It is retired, and another token in use has its token id.
    """
    with transaction.atomic():
        lock_store(token.store_id)
        other = namesake(token)
        if other is not None:
            raise StateConflict(
                f"{other.name} has the token id {token.token_id} too and is in use: its secret is "
                "this one's. Install the secret there, or disable it first.",
                status=409,
            )
        siblings = ApiToken.objects.filter(store_id=token.store_id)
        # Demote, then promote: one UPDATE would break the constraint of one active token.
        siblings.active().exclude(pk=token.pk).update(role=ApiToken.Role.STANDBY)
        siblings.filter(pk=token.pk).update(role=ApiToken.Role.ACTIVE)
    token.refresh_from_db(fields=["role"])


def lock_store(store_id: str) -> None:
    """Hold up everybody else who changes roles; call inside a transaction."""
    # One statement that locks on every database, SQLite included.
    Store.objects.filter(pk=store_id).update(enabled=F("enabled"))


def lock_token(pk: uuid.UUID) -> ApiToken:
    """The token as it is now, held up for everybody else; call inside a transaction."""
    # One statement that locks on every database. Not FOR UPDATE: a rotation that is inserted for
    # or signed by the token need not wait.
    ApiToken.objects.filter(pk=pk).update(secret_version=F("secret_version"))
    return ApiToken.objects.select_related("store").get(pk=pk)


def namesake(token: ApiToken) -> ApiToken | None:
    """Another token in use with the same token id at the same address.

    Its secret is the same one: of two rows, rolling through one leaves the other with a dead one.
    """
    if not token.token_id:
        return None
    return (
        ApiToken.objects.usable()
        .filter(store_id=token.store_id, base_url=token.base_url, token_id=token.token_id)
        .exclude(pk=token.pk)
        .first()
    )
