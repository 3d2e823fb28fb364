"""Payouts, as the Store API lists them, and how a test makes and changes them."""

from __future__ import annotations

from copy import deepcopy

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of_held
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.money.payouts import PAYOUT_FEE, new_payout
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = ["create_payout", "edit_payout", "get_payout", "list_payouts", "remove_payout"]


def list_payouts(call: Call) -> Response:
    """Newest first. Source: P-54."""
    return page_of_held(call, call.state.payouts, asked={}, default_limit=20)


def get_payout(call: Call) -> Response:
    """One payout."""
    item = call.state.payouts.find(call.index("payout"))
    if item is None or item.deleted:
        return failure(404, "Payout not found")
    return success(item_form(item))


def create_payout(state: StoreState, change: Json) -> list[str]:
    """A change: ``amount`` cents are sent to the bank; ``status`` is PROCESSING unless given."""
    amount, now_ms = int(change.get("amount", 10_000)), state.clock.now_ms()
    status = str(change.get("status", "PROCESSING"))
    index = state.payouts.add(
        lambda index: new_payout(state.ids, index, amount=amount, at_ms=now_ms, status=status)
    )
    identity = state.ids.make("payout", index)
    state.ledger.book(
        "PAYOUT",
        amount=-amount - PAYOUT_FEE,
        reference_id=identity,
        description="Payout",
        at_ms=now_ms,
    )
    return [identity]


def edit_payout(state: StoreState, change: Json) -> list[str]:
    """A change: the payout of this ``id`` or ``index`` has these ``fields``."""
    index = _index(state, change)
    item = state.payouts.touch(index)
    item.payload["updatedAt"] = iso(state.clock.now_ms())
    item.fields.update(deepcopy(change.get("fields", {})))
    return [state.ids.make("payout", index)]


def remove_payout(state: StoreState, change: Json) -> list[str]:
    """A change: the payout is as if it had never been there; the ledger keeps its entry."""
    index = _index(state, change)
    state.payouts.touch(index).deleted = True
    return [state.ids.make("payout", index)]


def _index(state: StoreState, change: Json) -> int:
    index = state.ids.index_of("payout", str(change["id"])) if "id" in change else change["index"]
    if index is None or state.payouts.find(int(index)) is None:
        raise LookupError(f"no such payout: {change.get('id', change.get('index'))!r}")
    return int(index)
