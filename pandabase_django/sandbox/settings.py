"""What a test can set while the sandbox runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pandabase_django.sandbox.signatures import KEY_READINGS

__all__ = ["ROLL_CALLERS", "ROLL_REPLIES", "Settings"]

ROLL_REPLIES = ("data.secret", "data.token.secret", "string", "unknown", "none")
"""Shapes that the reply of roll-secret may have: the real one is not documented. Source: P-16."""

ROLL_CALLERS = ("any", "self", "other", "nobody")
"""Which tokens of the store may roll a secret; the others get 403. Source: P-16."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "roll_reply": ROLL_REPLIES,
    "roll_callers": ROLL_CALLERS,
    "deleted_product_get": ("404", "200"),
    "error_style": ("text", "object"),
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
    webhook_http: bool = False
    """Register endpoints with http URLs of this machine too; the real API wants https. P-35."""
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
            if isinstance(value, (int, float)) and value < 0 and name not in _BELOW_ZERO:
                raise ValueError(f"{name} can't be negative")
            if name in _ABOVE_ZERO and not value:
                raise ValueError(f"{name} must be more than 0")
        for name, value in changes.items():
            setattr(self, name, value)
