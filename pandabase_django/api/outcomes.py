"""What is known of a write that failed."""

from __future__ import annotations

from pandabase_django.exceptions import (
    ForeignAnswer,
    PandabaseError,
    ProtocolError,
    ServerError,
    TransportError,
)

__all__ = ["note_outcome"]


def note_outcome(error: PandabaseError, *, key: str) -> None:
    """Say of a write that failed whether it may have been executed.

    Args:
        error: What its caller will meet; it gets the attributes.
        key: The idempotency key that it was sent with; "" for none.
    """
    error.idempotency_key = key
    error.outcome_unknown = (
        isinstance(error, (ProtocolError, ForeignAnswer))
        or (isinstance(error, TransportError) and error.executed)
        # A 501 or 505, which is not retryable either, was understood by nobody.
        or (isinstance(error, ServerError) and error.retryable)
    )
    if error.outcome_unknown:
        error.retryable, error.retry_after_seconds = False, None
