"""Usage events, the answer to those that were reported (Source: P-52), and what counts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.schemas.base import Parsed, children
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)
from pandabase_django.exceptions import ProtocolError
from pandabase_django.printable import printable

__all__ = ["Meter", "MeterUsage", "SubscriptionUsage", "UsageAnswer", "UsageEvent"]

MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent(Parsed):
    """An event that the remote has counted.

    Attributes:
        external_id: What it was reported under; None when it had none.
        quantity: None where it is not shown.
    """

    kind: ClassVar[str] = "usage event"
    id: str = identifier("usage event")
    external_id: str | None = text("externalId")
    subscription_id: str | None = reference("subscriptionId")
    meter_id: str | None = reference("meterId")
    customer_id: str | None = reference("customerId")
    quantity: int | None = integer("quantity")
    event_at: datetime | None = time("eventAt")
    received_at: datetime | None = time("receivedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter(Parsed):
    """What counts usage of a product.

    Attributes:
        unit_price_minor: For ``unit_quantity`` units.
        included_units: How many the base fee includes; None where there is none.
    """

    kind: ClassVar[str] = "meter"
    id: str = identifier("meter")
    product_id: str | None = reference("productId")
    event_name: str | None = text("eventName")
    unit_price_minor: int | None = integer("unitPrice")
    unit_quantity: int | None = integer("unitQuantity")
    aggregation: str | None = text("aggregation")
    settlement: str | None = text("settlement")
    included_units: int | None = integer("includedUnits")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterUsage(Parsed):
    """What one meter counted in a period, and what it costs."""

    kind: ClassVar[str] = "meter's usage"
    meter_id: str | None = reference("meterId")
    event_name: str | None = text("eventName")
    quantity: int | None = integer("quantity")
    amount_minor: int | None = integer("amountCharged")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionUsage(Parsed):
    """What a subscription used in the current period; past ones are in ``payload``.

    Attributes:
        meters: None when the answer does not say which there are.
    """

    kind: ClassVar[str] = "subscription's usage"
    subscription_id: str | None = reference("subscriptionId")
    is_usage_based: bool | None = boolean("isUsageBased")
    currency: str | None = text("currency")
    period_start: datetime | None = time("currentPeriod.periodStart")
    period_end: datetime | None = time("currentPeriod.periodEnd")
    base_minor: int | None = integer("currentPeriod.baseAmount")
    usage_minor: int | None = integer("currentPeriod.usageAmount")
    projected_minor: int | None = integer("currentPeriod.projectedTotal")
    meters: tuple[MeterUsage, ...] | None = shown(
        "currentPeriod.meters", read=lambda f, name: children(f, name, MeterUsage.from_json)
    )


@dataclass(frozen=True, slots=True)
class UsageAnswer:
    """What became of the events of one call.

    Attributes:
        accepted: How many were counted.
        duplicates: How many had been counted before.
        rejected: The reason by the place of each event that was not.
    """

    accepted: int
    duplicates: int
    rejected: dict[int, str]

    @classmethod
    def from_json(cls, data: object, *, sent: int) -> UsageAnswer:
        """Read an answer.

        Args:
            data: What was under ``data``.
            sent: How many events it must account for.

        Raises:
            ProtocolError: It does not say of each event what became of it.
        """
        found: dict[str, Any] = data if isinstance(data, dict) else {}
        accepted, duplicates = _count(found.get("accepted")), _count(found.get("duplicates"))
        listed = found.get("rejected")
        rejected = {}
        for one in listed if isinstance(listed, list) else ():
            index = _count(one.get("index")) if isinstance(one, dict) else None
            if index is not None and index < sent:
                reason = one.get("reason")
                said = printable(reason) if isinstance(reason, str) else ""
                rejected[index] = said[:MAX_REASON_CHARACTERS]
        if accepted is None or duplicates is None:
            raise ProtocolError("An answer to usage does not say how much was accepted.")
        if accepted + duplicates + len(rejected) != sent:
            raise ProtocolError(
                f"An answer to {sent} usage events accounts for "
                f"{accepted} + {duplicates} + {len(rejected)}."
            )
        return cls(accepted, duplicates, rejected)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
