"""The store as it was some seconds ago: replicas that answer late.

A snapshot is taken before each change, while a setting asks for lag. A read that lags is answered
from the snapshot of its time.
"""

from __future__ import annotations

import copy
import random
import threading
from collections import deque

from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["Replicas"]

_SNAPSHOTS = 500


class Replicas:
    """Former states of a store. Everything here is called with the store's lock held."""

    def __init__(self, state: StoreState, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._dice = random.Random(state.size.seed)
        self._before: deque[tuple[int, StoreState]] = deque(maxlen=_SNAPSHOTS)
        state.before_change.append(self._remember)

    def answering(self, *, resource: str, detail: bool) -> StoreState:
        """The state that answers a read.

        Args:
            resource: The first part of the path below the store, such as ``orders``.
            detail: One object is asked for, and no list.
        """
        settings = self._settings
        lag = settings.detail_lag_seconds if detail else settings.list_lag_seconds
        only = settings.lag_only.split(",") if settings.lag_only else [resource]
        if not lag or resource not in only or self._dice.random() >= settings.lag_share:
            return self._state
        moment_ms = self._state.clock.read_ms() - lag * 1000
        return next((past for at_ms, past in self._before if at_ms > moment_ms), self._state)

    def _remember(self) -> None:
        if self._settings.lags:
            self._before.append((self._state.clock.read_ms(), _copied(self._state)))


def _copied(state: StoreState) -> StoreState:
    # What never changes is shared. A lock can't be copied, and nobody listens to the past.
    shared = (state.size, state.clock, state.ids, state.lifecycle, state.timeline)
    memo: dict[int, object] = {
        id(one): one for one in (*shared, state.people, state.catalogue, state.sales)
    }
    memo[id(state.lock)] = threading.RLock()
    memo[id(state.listeners)] = []
    memo[id(state.before_change)] = []
    return copy.deepcopy(state, memo)
