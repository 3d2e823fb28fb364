"""What stops when a token's secret stops working."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pandabase_django.models import ApiToken, SyncRun

__all__ = ["BlastRadius", "blast_radius"]


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What depends on a token now.

    Attributes:
        active: The store is called with it.
        last_used_at: When it signed last; None when it never did.
        running: Runs of its store under way, when it is the active one.
        standby: Other tokens of the store that could take over.
    """

    active: bool
    last_used_at: datetime | None
    running: tuple[SyncRun, ...]
    standby: tuple[ApiToken, ...]


def blast_radius(token: ApiToken) -> BlastRadius:
    """What depends on a token now."""
    active = token.role == ApiToken.Role.ACTIVE
    runs = SyncRun.objects.filter(store=token.store_id, state=SyncRun.State.RUNNING)
    others = ApiToken.objects.filter(
        store=token.store_id, role=ApiToken.Role.STANDBY, health=ApiToken.Health.OK
    )
    return BlastRadius(
        active=active,
        last_used_at=token.last_used_at,
        running=tuple(runs.defer("steps", "warnings").order_by("id")) if active else (),
        standby=tuple(others.exclude(pk=token.pk).defer("secret").order_by("name")),
    )
