"""Which token of a store is the active one: one at a time, switched under the store's lock."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from pandabase_django.models import ApiToken, Store

__all__ = ["activate_token", "lock_store"]


def activate_token(token: ApiToken) -> None:
    """Make this the token its store is called with; the one before becomes STANDBY."""
    with transaction.atomic():
        lock_store(token.store_id)
        siblings = ApiToken.objects.filter(store_id=token.store_id)
        # Demote, then promote: one UPDATE would break the constraint of one active token.
        siblings.filter(role=ApiToken.Role.ACTIVE).exclude(pk=token.pk).update(
            role=ApiToken.Role.STANDBY
        )
        siblings.filter(pk=token.pk).update(role=ApiToken.Role.ACTIVE)
    token.refresh_from_db(fields=["role"])


def lock_store(store_id: str) -> None:
    """Hold up everybody else who changes roles; call inside a transaction."""
    # One statement that locks on every database, SQLite included.
    Store.objects.filter(pk=store_id).update(enabled=F("enabled"))
