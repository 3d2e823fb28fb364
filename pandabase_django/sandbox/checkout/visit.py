"""A request of somebody who shows no token."""

from __future__ import annotations

from dataclasses import dataclass

from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.http.wire import Request
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["Visit"]


@dataclass(frozen=True)
class Visit:
    """What an endpoint of the public APIs gets. Whatever credential was sent is not looked at."""

    services: Services
    request: Request
    identity: str = ""
    """The id that the path names; "" when it names none."""

    @property
    def state(self) -> StoreState:
        """The store."""
        return self.services.state
