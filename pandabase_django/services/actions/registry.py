"""All kinds of actions. Whoever adds one names it here."""

from __future__ import annotations

from pandabase_django.services.actions.kinds import Kind
from pandabase_django.services.actions.subjects.disputes import EVIDENCE
from pandabase_django.services.actions.subjects.fulfilment import RETRY_FULFILMENT
from pandabase_django.services.actions.subjects.plans import CHANGE_PLAN
from pandabase_django.services.actions.subjects.refunds import REFUND
from pandabase_django.services.actions.subjects.subscriptions import (
    CANCEL,
    PAUSE,
    REACTIVATE,
    RESUME,
)

__all__ = ["KINDS", "kind_of"]

KINDS: dict[str, Kind] = {
    kind.what: kind
    for kind in (
        REFUND,
        RETRY_FULFILMENT,
        EVIDENCE,
        CANCEL,
        PAUSE,
        RESUME,
        REACTIVATE,
        CHANGE_PLAN,
    )
}


def kind_of(what: str) -> Kind:
    """The kind of that name.

    Raises:
        LookupError: There is none.
    """
    return KINDS[what]
