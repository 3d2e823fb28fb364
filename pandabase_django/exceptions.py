"""Every error this package raises on purpose.

    PandabaseError                     retryable = False, retry_after_seconds = None
    ├ TransportError                   no response arrived
    ├ APIError                         status, message, request_id
    │ ├ InvalidRequest                 400, 422
    │ ├ InvalidCredential              401
    │ ├ MissingPermission              403, with the permission codes found in it
    │ ├ ObjectNotFound                 404
    │ ├ StateConflict                  409
    │ ├ RateLimited                    429, retryable
    │ └ ServerError                    5xx, retryable
    ├ ProtocolError                    a 2xx answer that has not the documented shape
    ├ DatabaseAway                   our own database went away in the middle, retryable
    ├ LeaseHeld                        another worker sweeps this resource
    ├ LeaseLost                        this worker's lease passed to another one
    ├ SealError
    │ ├ KeysMissing                    no encryption key is configured
    │ ├ UnknownKey                     sealed with a key that is not configured
    │ └ Tampered                       the sealed text is not what was written for this row
    ├ RotationError                    a rotation can't start or go on
    │ └ RotationInProgress             this token has an open rotation; names it
    ├ SecretMoved                      the secret is being replaced right now, retryable
    └ WebhookRejected                  missing, malformed, stale or forged
    ConfigurationError                 an ImproperlyConfigured, outside the tree on purpose

Callers decide on a retry by ``retryable`` and ``retry_after_seconds``, never by listing classes.
Messages carry no secret, header or body. Every error survives pickling: Celery carries them.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "APIError",
    "ConfigurationError",
    "DatabaseAway",
    "InvalidCredential",
    "InvalidRequest",
    "KeysMissing",
    "LeaseHeld",
    "LeaseLost",
    "MissingPermission",
    "ObjectNotFound",
    "PandabaseError",
    "ProtocolError",
    "RateLimited",
    "RotationError",
    "RotationInProgress",
    "SealError",
    "SecretMoved",
    "ServerError",
    "StateConflict",
    "Tampered",
    "TransportError",
    "UnknownKey",
    "WebhookRejected",
]


class PandabaseError(Exception):
    """Base of every error of this package.

    Attributes:
        message: One sentence for a person, without any secret.
        retryable: The same call may succeed later without anybody changing anything.
        retry_after_seconds: How long to wait before that; None when nothing is known.
    """

    retryable: bool = False
    retry_after_seconds: float | None = None

    def __init__(self, message: str = "", **attributes: Any) -> None:
        super().__init__(message)
        self.message = message
        for name, value in attributes.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with args alone and fail on required keywords.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(
    cls: type[PandabaseError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> PandabaseError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class TransportError(PandabaseError):
    """No response arrived: name, connection, TLS or time-out.

    Attributes:
        executed: False only when the request surely never reached the remote.
    """

    retryable = True
    executed: bool = True


class APIError(PandabaseError):
    """The remote answered with an error.

    Attributes:
        status: HTTP status code.
        message: The remote's own words, shortened and with secrets masked.
        request_id: ``X-Request-ID`` of the answer, "" when it had none.
    """

    def __init__(
        self, message: str = "", *, status: int, request_id: str = "", **attributes: Any
    ) -> None:
        super().__init__(message, **attributes)
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        reference = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} (HTTP {self.status}{reference})"


class InvalidRequest(APIError):
    """400 or 422: the remote does not accept what was sent."""


class InvalidCredential(APIError):
    """401: the token is unknown, revoked, or its secret is not the current one.

    Attributes:
        generation: Which of a client's credentials was refused; 0 when nobody counted.
        tried_again: A newer credential was tried already.
    """

    generation: int = 0
    tried_again: bool = False


class MissingPermission(APIError):
    """403, or refused before sending because the token does not declare the permission.

    Attributes:
        codes: Permission codes that are missing; empty when the remote named none.
        sent: False when the request was refused here and never left.
    """

    codes: tuple[str, ...] = ()
    sent: bool = True


class ObjectNotFound(APIError):
    """404."""


class StateConflict(APIError):
    """409: the object is not in a state that allows this."""


class RateLimited(APIError):
    """429, or the wait for a known limit is longer than the caller allows.

    Attributes:
        scope: ``X-RateLimit-Type`` of the limit, "" when the answer had none.
    """

    retryable = True
    scope: str = ""


class ServerError(APIError):
    """5xx."""

    retryable = True


class ProtocolError(PandabaseError):
    """A 2xx answer that is not the documented envelope.

    Attributes:
        request_id: ``X-Request-ID`` of the answer, "" when it had none.
    """

    request_id: str = ""


class DatabaseAway(PandabaseError):
    """The shop's own database went away during a run; what was committed stays."""

    retryable = True


class LeaseHeld(PandabaseError):
    """Another worker sweeps the resource.

    Attributes:
        holder: Who holds the lease, as it is shown to people.
    """

    retryable = True
    holder: str = ""


class LeaseLost(PandabaseError):
    """The lease passed to another worker; nothing more may be written under it."""


class SealError(PandabaseError):
    """A sealed secret can't be opened, or a secret can't be sealed."""


class KeysMissing(SealError):
    """``PANDABASE["ENCRYPTION_KEYS"]`` is empty."""


class UnknownKey(SealError):
    """Sealed with a key that is not configured.

    Attributes:
        key_id: The id of the key that is needed, 16 hex characters.
    """

    key_id: str = ""


class Tampered(SealError):
    """The sealed text is damaged, or it was written for another row, column or store."""


class RotationError(PandabaseError):
    """A rotation can't start or go on. Nothing was sent unless the message says so."""


class RotationInProgress(RotationError):
    """The token has an open rotation.

    Attributes:
        attempt_id: Primary key of it.
    """

    attempt_id: Any = None


class SecretMoved(PandabaseError):
    """The credential was refused because its secret is being replaced; a later call will work."""

    retryable = True
    retry_after_seconds = 5.0


class WebhookRejected(PandabaseError):
    """A delivery whose origin, age or form can't be trusted.

    Attributes:
        reason: A short fixed word for counters and logs.
        version: ``V1`` or ``V2``; "" when the signature has neither form.
        skew_seconds: How far the signed time lies behind ours; None when that is not the trouble.
    """

    reason: str = ""
    version: str = ""
    skew_seconds: float | None = None


class ConfigurationError(ImproperlyConfigured):
    """The settings of the project are wrong; no retry and no input can help."""
