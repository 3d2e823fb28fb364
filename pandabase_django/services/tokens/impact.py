"""What stops when a token's secret stops working."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pandabase_django.models import ApiToken, SyncRun
from pandabase_django.services.tokens.roles import active_token

__all__ = ["BlastRadius", "blast_radius"]


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What depends on a token now.

    Attributes:
        active: The store is called with it.
        store_is_called: The store is called with this token or another one.
        last_used_at: When it signed last; None when it never did.
        running: Runs of its store under way, when it is the active one.
        standby: Other tokens of the store that could take over.
    """

    active: bool
    store_is_called: bool
    last_used_at: datetime | None
    running: tuple[SyncRun, ...]
    standby: tuple[ApiToken, ...]


def blast_radius(token: ApiToken) -> BlastRadius:
    """What depends on a token now."""
    active = token.is_active
    runs = SyncRun.objects.filter(store=token.store_id, state=SyncRun.State.RUNNING)
    runs = runs.select_related("store")
    others = ApiToken.objects.filter(
        store=token.store_id, role=ApiToken.Role.STANDBY, health=ApiToken.Health.OK
    ).select_related("store")
    return BlastRadius(
        active=active,
        store_is_called=active or active_token(token.store_id) is not None,
        last_used_at=token.last_used_at,
        running=tuple(runs.defer("steps", "warnings").order_by("id")) if active else (),
        standby=tuple(others.exclude(pk=token.pk).defer("secret").order_by("name")),
    )
