"""What of a sandbox is kept: each part names its own attributes in ``KEPT``."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any

from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.checkout.payment import resume_payments
from pandabase_django.sandbox.http.idempotency import Replays
from pandabase_django.sandbox.keep.encoding import from_json, to_json
from pandabase_django.sandbox.store.shapes import Json, dump_json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import order_detail
from pandabase_django.sandbox.webhooks.deliveries import Deliveries

__all__ = ["Contents"]


class Contents:
    """The parts of one sandbox that a file holds."""

    def __init__(self, services: Services, *, replays: Replays, deliveries: Deliveries) -> None:
        state = services.state
        self._state = state
        self._deliveries = deliveries
        self._replays = replays
        self._parts: dict[str, Any] = {
            "state": state,
            "clock": state.clock,
            "ids": state.ids,
            "ledger": state.ledger,
            "usage": state.usage,
            "case_messages": state.cases,
            "cases": state.cases.held,
            "meters": state.meters,
            "orders": state.orders,
            "refunds": state.refunds,
            "disputes": state.disputes,
            "products": state.products,
            "categories": state.categories,
            "coupons": state.coupons,
            "webhooks": state.webhooks,
            "payouts": state.payouts,
            "subscriptions": state.subscriptions,
            "reports": state.reports,
            "tokens": services.tokens,
            "requests": services.log,
            "replays": replays,
            "deliveries": deliveries,
        }
        self.seeded = _digest(state)
        """What the seed gives before any change: another release may give other things."""

    def taken(self) -> Json:
        """All parts, as JSON. Waits for a change that is being made."""
        with self._state.lock:
            return {
                name: {kept: to_json(getattr(part, kept)) for kept in part.KEPT}
                for name, part in self._parts.items()
            }

    def put_back(self, found: Json) -> None:
        """Make the sandbox what it was when ``taken`` gave this.

        Raises:
            LookupError: A part or an attribute is missing.
            TypeError: An object has other fields today.
        """
        with self._state.lock:
            for name, part in self._parts.items():
                for kept in part.KEPT:
                    _set(part, kept, from_json(found[name][kept]))
                if hasattr(part, "changed"):
                    part.changed()
            self._replays.forget_unanswered()
            self._deliveries.resume()
            resume_payments(self._state)


def _set(part: Any, name: str, value: Any) -> None:
    """In place where others hold the same container."""
    held = getattr(part, name)
    if isinstance(held, (dict, set)):
        held.clear()
        held.update(value)
    elif isinstance(held, deque):
        held.clear()
        held.extend(value)
    else:
        setattr(part, name, value)


def _digest(state: StoreState) -> str:
    seen: list[Any] = [state.store_id]
    held = (state.products, state.categories, state.coupons, state.payouts, state.subscriptions)
    for items in (*held, state.cases.held):
        item = items.find(0)
        seen.append(item.payload if item else None)
    seen.append(order_detail(state, 0))
    return hashlib.blake2b(dump_json(seen).encode("utf-8"), digest_size=8).hexdigest()
