"""Which object a change is about."""

from __future__ import annotations

from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["target_of"]


def target_of(state: StoreState, change: Json, *kinds: str) -> tuple[str, int]:
    """The target of a change: ``id``, or ``index`` of the first kind (negative: from the end)."""
    if "id" in change:
        for kind in kinds:
            index = state.ids.index_of(kind, str(change["id"]))
            if index is not None:
                return kind, index
        raise LookupError(f"no {kinds[0]} has the id {change['id']!r}")
    index = int(change["index"])
    totals = {
        "order": state.size.orders,
        "product": state.size.products,
        "category": state.size.categories,
    }
    return kinds[0], index + totals.get(kinds[0], 0) if index < 0 else index
