"""The types of events that an endpoint can ask for."""

from __future__ import annotations

__all__ = ["EVENT_TYPES"]

EVENT_TYPES = (
    "PAYMENT_PENDING",
    "PAYMENT_PROCESSING",
    "PAYMENT_COMPLETED",
    "PAYMENT_FAILED",
    "PAYMENT_REFUNDED",
    "PAYMENT_DISPUTED",
    "PAYMENT_DISPUTE_WON",
    "PAYMENT_DISPUTE_LOST",
    "PAYMENT_DISPUTE_PREVENTED",
    "SUBSCRIPTION_CREATED",
    "SUBSCRIPTION_RENEWED",
    "SUBSCRIPTION_PAST_DUE",
    "SUBSCRIPTION_CANCELLED",
    "SUBSCRIPTION_PAUSED",
    "SUBSCRIPTION_RESUMED",
    "SUBSCRIPTION_UPDATED",
    "SUBSCRIPTION_TRIAL_ENDING",
    "SUBSCRIPTION_RENEWING",
)
"""Source: P-30. Not imported from ``api``: a sandbox with its names would hide a wrong one."""
