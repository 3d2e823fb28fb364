"""Secrets at rest, and their rotation."""

from __future__ import annotations

from typing import Any

from pandabase_django.exceptions.base import PandabaseError

__all__ = [
    "KeysMissing",
    "RotationError",
    "RotationInProgress",
    "SealError",
    "SecretMoved",
    "Tampered",
    "UnknownKey",
]


class SealError(PandabaseError):
    """A sealed secret can't be opened, or a secret can't be sealed."""


class KeysMissing(SealError):
    """``PANDABASE["ENCRYPTION_KEYS"]`` is empty."""


class UnknownKey(SealError):
    """Sealed with a key that is not configured."""

    key_id: str = ""
    """The id of the key that is needed, 16 hex characters."""


class Tampered(SealError):
    """The sealed text is damaged, or it was written for another row, column or store."""


class RotationError(PandabaseError):
    """A rotation can't start or go on. Nothing was sent unless the message says so."""


class RotationInProgress(RotationError):
    """The token has an open rotation, or another one of its store is being rotated."""

    attempt_id: Any = None
    """Primary key of it."""


class SecretMoved(PandabaseError):
    """The credential was refused because its secret is being replaced; a later call will work."""

    retryable = True
    retry_after_seconds = 5.0
