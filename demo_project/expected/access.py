"""Subscriptions and licences."""

from __future__ import annotations

from demo_project.expected.kinds import OF_HERE, Kind, at, text, time
from pandabase_django.models import License, Subscription

__all__ = ["LICENSES", "SUBSCRIPTIONS"]

SUBSCRIPTIONS = Kind(
    name="subscriptions",
    model=Subscription,
    dump="subscriptions",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "status": text("status"),
        "billing_interval": text("billingInterval"),
        "amount_minor": at("amount"),
        "currency": text("currency"),
        "quantity": at("quantity"),
        "product_id": at("product.id"),
        "customer_id": at("customer.id"),
        "current_period_start": time("currentPeriodStart"),
        "current_period_end": time("currentPeriodEnd"),
        "next_charge_at": time("nextChargeAt"),
        "trial_end": time("trialEnd"),
        "cancelled_at": time("cancelledAt"),
        "paused_at": time("pausedAt"),
        "ends_at": time("endsAt"),
        "retry_count": at("retryCount"),
        "created_at": time("createdAt"),
    },
    left_out=OF_HERE,
)
LICENSES = Kind(
    name="licenses",
    model=License,
    dump="licenses",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "status": text("status"),
        "key_last_four": lambda source: source["key"][-4:],
        "product_id": at("productId"),
        "variant_id": text("variantId"),
        "order_id": at("orderId"),
        "customer_id": at("customerId"),
        "claimed_at": time("claimedAt"),
        "created_at": time("createdAt"),
    },
    left_out={**OF_HERE, "key_hash": "Made of the key with a secret of this installation."},
)
