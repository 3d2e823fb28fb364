"""A subscription, the same in the list, alone, and in the answer of whatever changes it.

And what it costs next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    text,
    time,
)

__all__ = ["Subscription", "UpcomingInvoice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Parsed):
    """A subscription (Source: P-48). It names no order, and no time of its last change.

    Attributes:
        status: TRIALING, ACTIVE, PAST_DUE, PAUSED or CANCELLED.
        billing_interval: WEEKLY, MONTHLY or YEARLY.
        quantity: None where the remote does not show it.
        ends_at: Of a cancelled one: until when it was paid for, and has access.
        retry_count: How often a charge that failed was tried again.
    """

    kind: ClassVar[str] = "subscription"
    id: str = identifier("subscription")
    status: str | None = text("status")
    billing_interval: str | None = text("billingInterval")
    amount_minor: int | None = integer("amount")
    currency: str | None = text("currency")
    quantity: int | None = integer("quantity")
    product_id: str | None = reference("product.id", "productId")
    customer_id: str | None = reference("customer.id", "customerId")
    current_period_start: datetime | None = time("currentPeriodStart")
    current_period_end: datetime | None = time("currentPeriodEnd")
    next_charge_at: datetime | None = time("nextChargeAt")
    trial_end: datetime | None = time("trialEnd")
    cancelled_at: datetime | None = time("cancelledAt")
    paused_at: datetime | None = time("pausedAt")
    ends_at: datetime | None = time("endsAt")
    retry_count: int | None = integer("retryCount")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingInvoice(Parsed):
    """What the next renewal of a subscription charges, as far as it is known (Source: P-58).

    Attributes:
        base_minor: Of the plan alone.
        usage_minor: Of the usage so far; an immediate cancellation bills none of it.
        total_minor: With tax.
    """

    kind: ClassVar[str] = "upcoming invoice"
    subscription_id: str | None = reference("subscriptionId")
    status: str | None = text("status")
    currency: str | None = text("currency")
    period_start: datetime | None = time("periodStart")
    period_end: datetime | None = time("periodEnd")
    next_charge_at: datetime | None = time("nextChargeAt")
    is_usage_based: bool | None = boolean("isUsageBased")
    base_minor: int | None = integer("baseAmount")
    usage_minor: int | None = integer("usageAmount")
    subtotal_minor: int | None = integer("subtotal")
    tax_minor: int | None = integer("taxAmount")
    total_minor: int | None = integer("total")
