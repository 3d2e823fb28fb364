"""What a test can set while the sandbox runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

__all__ = [
    "KEY_READINGS",
    "REGISTRATION_REPLIES",
    "ROLL_CALLERS",
    "ROLL_REPLIES",
    "SESSION_ID_FIELDS",
    "Settings",
]

KEY_READINGS = ("text", "base64")
"""What the signing key is: the secret's own bytes, or what it decodes to. Source: P-32."""

ROLL_REPLIES = ("data.secret", "data.token.secret", "string", "unknown", "none")
"""Shapes that the reply of roll-secret may have: the real one is not documented. Source: P-16."""

ROLL_CALLERS = ("any", "self", "other", "nobody")
"""Which tokens of the store may roll a secret; the others get 403. Source: P-16."""

REGISTRATION_REPLIES = ("secret", "empty", "short", "null", "masked", "number", "none", "unknown")
"""What the reply to a new webhook endpoint holds as its signing secret. Source: P-35."""

SESSION_ID_FIELDS = ("id", "session_id")
"""How a checkout session names its id. Source: P-37."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "roll_reply": ROLL_REPLIES,
    "roll_callers": ROLL_CALLERS,
    "registration_reply": REGISTRATION_REPLIES,
    "deleted_product_get": ("404", "200"),
    "error_style": ("text", "object"),
    "session_id_field": SESSION_ID_FIELDS,
    "webhook_key": KEY_READINGS,
    "webhook_data": ("full", "empty"),
    "webhook_spoil": ("none", "body", "secret", "signature"),
}
_BELOW_ZERO = ("webhook_skew_seconds",)
_ABOVE_ZERO = ("webhook_time_factor", "webhook_timeout_seconds")


@dataclass
class Settings:
    """Behaviour of the sandbox that is not state of the store."""

    latency_ms: float = 0.0
    """Sleep before every answer, in milliseconds."""
    rate_limit: int = 0
    """Requests a second for each token; 0 is no limit."""
    rate_limit_type: str = "AccountResource"
    """What ``X-RateLimit-Type`` says."""
    roll_reply: str = "data.secret"
    roll_callers: str = "any"
    product_timestamps: bool = False
    """Products show createdAt and updatedAt; the vendor's samples don't. Source: P-20."""
    deleted_product_get: str = "404"
    """What GET by id answers for a soft-deleted product: the vendor doesn't say. Source: P-20."""
    error_style: str = "text"
    """Errors as a text, or as an object with code and message. Source: P-07."""
    list_lag_seconds: float = 0.0
    """Lists are answered as they were so long ago, by the clock of changes."""
    detail_lag_seconds: float = 0.0
    """The same for single objects."""
    lag_share: float = 1.0
    """Share of the reads that a replica with lag answers, 0 to 1; which ones, the seed decides."""
    page_cap: int = 0
    """Rows a page at most, whatever was asked for; 0 is no cap."""
    unstable_order: bool = False
    """Lists by creation have no order of their own, as if all rows had been made at one moment:
    each page is cut from another one, and the same request gives the same page."""
    lag_only: str = ""
    """Kinds that lag, such as ``orders,refunds``; empty: all."""
    session_id_field: str = "id"
    """How a checkout session names its id: two texts disagree. Source: P-37."""
    least_item_cents: int = 100
    """Least price of a free line: two texts disagree (100, 1). Source: P-45."""
    tax_included: bool = False
    """Prices include the tax; otherwise it is added."""
    refund_days: int = 0
    """For how long an order is refunded; 0 is without end, since seeded orders are old. P-46."""
    evidence_days: int = 0
    """For how long a dispute can be answered; 0 is without end. P-47."""
    report_seconds: float = 2.0
    """How long a report takes, by the clock of changes; half of it PENDING, then PROCESSING."""
    async_payment_seconds: float = 5.0
    """How long a payment takes that is made asynchronously on the pay page; 0: until a change."""
    webhook_http: bool = False
    """Register endpoints with http URLs of this machine too; the real API wants https. P-35."""
    registration_reply: str = "secret"
    """The signing secret, or nonsense in its place."""
    webhook_public: bool = False
    """Send deliveries to other machines too."""
    webhook_key: str = "text"
    """How the signing secret is read as a key. Source: P-32."""
    webhook_data: str = "full"
    """Deliveries with order and customer, or with empty objects. Source: P-30."""
    webhook_time_factor: float = 1.0
    """How many times faster than the vendor's the waits between attempts pass. Source: P-34."""
    webhook_timeout_seconds: float = 15.0
    """An answer that takes longer counts as a failure. Source: P-34."""
    webhook_delay_ms: float = 0.0
    """Wait before the first attempt."""
    webhook_jitter_ms: float = 0.0
    """A further wait of up to so much, different each time: deliveries overtake each other."""
    webhook_duplicates: int = 0
    """How many times more each event is delivered."""
    webhook_skew_seconds: float = 0.0
    """How far the sender's clock is ahead; negative: behind."""
    webhook_spoil: str = "none"
    """What is wrong with each delivery: nothing, a body changed after signing, another secret,
    or no signature."""

    @property
    def lags(self) -> bool:
        """Whether some reads are answered late."""
        return bool(self.list_lag_seconds or self.detail_lag_seconds)

    def update(self, changes: dict[str, Any]) -> None:
        """Set several at once; nothing is set if one is refused.

        Raises:
            ValueError: Unknown name, or a value of the wrong kind.
        """
        kinds = {field.name: type(field.default) for field in fields(self)}
        for name, value in changes.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"unknown setting {name!r}; known are {', '.join(kinds)}")
            accepted = (int, float) if kind is float else (kind,)
            if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
                raise ValueError(f"{name} must be {kind.__name__}")
            choices = _CHOICES.get(name)
            if choices is not None and value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number")
            if isinstance(value, (int, float)) and value < 0 and name not in _BELOW_ZERO:
                raise ValueError(f"{name} can't be negative")
            if name in _ABOVE_ZERO and not value:
                raise ValueError(f"{name} must be more than 0")
        for name, value in changes.items():
            setattr(self, name, value)
