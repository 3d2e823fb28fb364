"""What the shop's own code knows of a disputed order: the words that answer the bank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pandabase_django.events import dotted_name
from pandabase_django.models import Dispute

__all__ = ["EvidenceWriter", "compose_evidence", "evidence_for"]

EvidenceWriter = Callable[[Dispute], str]
W = TypeVar("W", bound=EvidenceWriter)

_writers: dict[str, tuple[EvidenceWriter, frozenset[str]]] = {}


def evidence_for(*purposes: str) -> Callable[[W], W]:
    """Let the decorated function write the activity log that answers a dispute.

    It gets the ``Dispute`` and returns a text: what the customer did with what was bought, with
    times. Put it into a module ``pandabase_events``. Its text is proposed on the dispute's page,
    and sent when ``submit_evidence`` is called without one. Several texts follow each other::

        @evidence_for("course")
        def lessons_taken(dispute: Dispute) -> str:
            visits = dispute.order.user.visits.order_by("at")
            return "\\n".join(f"{visit.at:%Y-%m-%d %H:%M} {visit.lesson}" for visit in visits)

    Args:
        purposes: What the order's checkout was opened for; none of them: for whatever, and for
            orders without a checkout of this shop.

    Raises:
        TypeError: The decorator was used without calling it, or on an async function.
        ValueError: Another function of that dotted name is registered.
    """
    if not all(isinstance(purpose, str) for purpose in purposes):
        raise TypeError('Call the decorator: @evidence_for("course"), or @evidence_for().')

    def register(writer: W) -> W:
        dotted = dotted_name(writer)
        known, others = _writers.get(dotted, (writer, frozenset(purposes)))
        if known is not writer:
            raise ValueError(f"There is a function {dotted} for evidence already.")
        # Without any purpose it is for all, whatever else names it.
        both = others.union(purposes) if others and purposes else frozenset[str]()
        _writers[dotted] = (writer, both)
        return writer

    return register


def compose_evidence(dispute: Dispute) -> str:
    """The activity log that the shop's code writes; "" when no function is there for this order.

    Raises:
        Exception: Whatever a function raises.
    """
    purchase = dispute.order.purchase if dispute.order is not None else None
    purpose = purchase.purpose if purchase is not None else None
    texts = [
        writer(dispute).strip()
        for writer, purposes in _writers.values()
        if not purposes or purpose in purposes
    ]
    return "\n\n".join(filter(None, texts))
