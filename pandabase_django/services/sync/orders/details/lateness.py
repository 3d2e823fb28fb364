"""What the status of an order shows of its place in time: before an event, or after another status.

Replicas answer up to a minute late. A handler of a payment must not meet an order that
is still being processed: it would do nothing, and the event would count as done. In the same way
the list of refunds shows a refund of an order that its own answer still shows as paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

__all__ = ["SHOWN_BY", "follows", "is_behind"]

# How much later than the event an order must have changed, so that its status is believed.
_NEVER = timedelta(minutes=1)  # the status does not follow the event in any way that we know
_AGAIN = timedelta(0)  # only when the order came to it a second time
_SINCE = timedelta(seconds=-5)  # it may follow at once; clocks are apart by seconds

_UNPAID = MappingProxyType(dict.fromkeys(("PENDING", "PROCESSING", "FAILED", "CANCELLED"), _NEVER))
# Statuses in which an event is doubted. Source: P-27.
_DOUBTED: Mapping[str, Mapping[str, timedelta]] = MappingProxyType(
    {
        "PAYMENT_PROCESSING": {"PENDING": _NEVER},
        "PAYMENT_FAILED": {"PENDING": _SINCE, "PROCESSING": _SINCE},  # the customer pays again
        "PAYMENT_COMPLETED": _UNPAID,
        "PAYMENT_REFUNDED": {**_UNPAID, "COMPLETED": _NEVER, "CHARGEBACK": _SINCE},
        "PAYMENT_DISPUTED": {**_UNPAID, "COMPLETED": _SINCE},
        "PAYMENT_DISPUTE_LOST": {**_UNPAID, "COMPLETED": _SINCE},
        "PAYMENT_DISPUTE_WON": {**_UNPAID, "CHARGEBACK": _AGAIN},
        "PAYMENT_DISPUTE_PREVENTED": {**_UNPAID, "CHARGEBACK": _AGAIN},
    }
)

# Statuses that an event brings, and that no order had before it. Source: P-27.
SHOWN_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "PAYMENT_REFUNDED": frozenset({"REFUNDED"}),
        "PAYMENT_DISPUTED": frozenset({"CHARGEBACK"}),
        "PAYMENT_DISPUTE_LOST": frozenset({"CHARGEBACK"}),
    }
)
_PAID = frozenset({"COMPLETED", "REFUNDED", "CHARGEBACK"})
# Statuses that come after another one and never before it. Source: P-27.
_AFTER: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "PENDING": _PAID,
        "PROCESSING": _PAID,
        "COMPLETED": frozenset({"REFUNDED"}),
        "CHARGEBACK": frozenset({"REFUNDED"}),
    }
)


def follows(status: str | None, *, before: str | None) -> bool:
    """Whether an order has this status only after the other one; False when that is not known."""
    return status in _AFTER.get(before or "", ())


def is_behind(
    event: str, *, status: str, event_at: datetime | None, updated_at: datetime | None
) -> bool:
    """Whether an order is from before an event, by its status and by times if both have one.

    Unknown events and statuses are never behind: what they mean is not known.

    Args:
        event: Such as ``PAYMENT_COMPLETED``.
        status: The order's.
        event_at: When the event happened; None when it does not say.
        updated_at: When the order changed last; None when it does not say.
    """
    margin = _DOUBTED.get(event, {}).get(status)
    if margin is None:
        return False
    return event_at is None or updated_at is None or updated_at <= event_at + margin
