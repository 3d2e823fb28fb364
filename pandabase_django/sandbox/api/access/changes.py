"""What a test can do to subscriptions and licences."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from pandabase_django.sandbox.api.access import renewals
from pandabase_django.sandbox.api.access.licenses import create_license, edit_license
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["ACCESS_CHANGES"]


def _create(state: StoreState, change: Json) -> list[str]:
    made = []
    for _ in range(int(change.get("count", 1))):
        index = renewals.start(
            state,
            product=int(change.get("product", 0)),
            customer=int(change.get("customer", 0)),
            interval=str(change.get("interval", "MONTHLY")),
            quantity=int(change.get("quantity", 1)),
            trial_days=int(change.get("trial_days", 0)),
        )
        made.append(state.ids.make("subscription", index))
    return made


def _edit(state: StoreState, index: int, change: Json) -> None:
    state.subscriptions.touch(index).fields.update(deepcopy(change.get("fields", {})))


def _expire(state: StoreState, index: int, change: Json) -> None:
    """What was cancelled at the end of the period ends now."""
    state.subscriptions.touch(index).payload["endsAt"] = iso(state.clock.now_ms())


def _on_one(move: Callable[[StoreState, int, Json], object]) -> Callable[..., list[str]]:
    def change(state: StoreState, given: Json) -> list[str]:
        index = given.get("index")
        if "id" in given:
            index = state.ids.index_of("subscription", str(given["id"]))
        if index is None or state.subscriptions.find(int(index)) is None:
            raise LookupError(f"no such subscription: {given.get('id', index)!r}")
        order = move(state, int(index), given)
        made = [order] if isinstance(order, str) else []
        return [state.ids.make("subscription", int(index)), *made]

    return change


ACCESS_CHANGES: dict[str, Callable[..., list[str]]] = {
    "create_license": create_license,
    "edit_license": edit_license,
    "create_subscription": _create,
    "edit_subscription": _on_one(_edit),
    "renew_subscription": _on_one(lambda state, index, _: renewals.renew(state, index)),
    "miss_charge": _on_one(lambda state, index, _: renewals.miss_charge(state, index)),
    "cancel_subscription": _on_one(
        lambda state, index, change: renewals.cancel(
            state, index, immediate=bool(change.get("immediate", False))
        )
    ),
    "reactivate_subscription": _on_one(lambda state, index, _: renewals.reactivate(state, index)),
    "pause_subscription": _on_one(lambda state, index, _: renewals.pause(state, index)),
    "resume_subscription": _on_one(lambda state, index, _: renewals.resume(state, index)),
    "change_subscription": _on_one(
        lambda state, index, change: renewals.change_plan(state, index, change.get("plan", {}))
    ),
    "expire_subscription": _on_one(_expire),
}
