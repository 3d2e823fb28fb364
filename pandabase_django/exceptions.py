"""Every error this package raises on purpose.

    PandabaseError                     retryable = False, retry_after_seconds = None
    ├ TransportError                   no response arrived
    ├ APIError                         status, message, request_id
    │ ├ InvalidRequest                 400, 422
    │ ├ InvalidCredential              401
    │ ├ MissingPermission              403, with the permission codes found in it
    │ ├ ObjectNotFound                 404
    │ ├ StateConflict                  409
    │ ├ ForeignAnswer                  4xx of something on the way, not of the API
    │ ├ RateLimited                    429, retryable
    │ └ ServerError                    5xx, retryable
    ├ ProtocolError                    a 2xx answer that has not the documented shape
    ├ UnfitId                          no path can hold this id; a ValueError too
    ├ DatabaseAway                   our own database went away in the middle, retryable
    ├ DatabaseBusy                     our own database was locked for a moment, retryable
    ├ StatementCancelled               our own database cancelled a statement
    ├ LeaseHeld                        another worker sweeps this resource
    ├ LeaseLost                        this worker's lease passed to another one
    ├ SealError
    │ ├ KeysMissing                    no encryption key is configured
    │ ├ UnknownKey                     sealed with a key that is not configured
    │ └ Tampered                       the sealed text is not what was written for this row
    ├ RotationError                    a rotation can't start or go on
    │ └ RotationInProgress             this token has an open rotation; names it
    ├ ActionError                      an action was not recorded, and nothing was sent
    │ ├ ActionRefused                  it can't be done so; ``code`` says why
    │ └ ActionInProgress               the object has an open action; names it
    ├ CheckoutError                    a checkout was not opened; ``for_buyer`` says it to the buyer
    │ ├ CheckoutRefused                it can't be opened so; ``code`` says why
    │ ├ CheckoutUnavailable            not now, retryable
    │ └ CheckoutUnknown                the answer got lost, retryable
    ├ SecretMoved                      the secret is being replaced right now, retryable
    └ WebhookRejected                  missing, malformed, stale or forged
    ConfigurationError                 an ImproperlyConfigured, outside the tree on purpose

Callers decide on a retry by ``retryable`` and ``retry_after_seconds``, never by listing classes.
Messages carry no secret, header or body. Every error survives pickling: Celery carries them.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from pandabase_django.printable import printable

__all__ = [
    "APIError",
    "ActionError",
    "ActionInProgress",
    "ActionRefused",
    "CheckoutError",
    "CheckoutRefused",
    "CheckoutUnavailable",
    "CheckoutUnknown",
    "ConfigurationError",
    "DatabaseAway",
    "DatabaseBusy",
    "ForeignAnswer",
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
    "StatementCancelled",
    "Tampered",
    "TransportError",
    "UnfitId",
    "UnknownKey",
    "WebhookRejected",
    "interruptions",
    "let_pass",
]


class PandabaseError(Exception):
    """Base of every error of this package.

    Attributes:
        message: One sentence for a person, without any secret; of remote words what is printable.
        retryable: The same call may succeed later without anybody changing anything.
        retry_after_seconds: How long to wait before that; None when nothing is known.
        outcome_unknown: A write may have been executed all the same, so it is not retryable: look
            at the remote before sending it again.
        idempotency_key: The key that a write was sent with, for a second try under the same one.
    """

    retryable: bool = False
    retry_after_seconds: float | None = None
    outcome_unknown: bool = False
    idempotency_key: str = ""

    def __init__(self, message: str = "", **attributes: Any) -> None:
        # Most of them quote the remote, and they end in terminals, logs and columns.
        message = printable(str(message))
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
    """No response arrived: name, connection, TLS or time-out."""

    retryable = True
    executed: bool = True
    """False only when the request surely never reached the remote."""


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
        client_id: Which client's request met it; "" when none of ours did.
        generation: Which of a client's credentials was refused; 0 when nobody counted.
        tried_again: A newer credential was tried already.
    """

    client_id: str = ""
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


class ForeignAnswer(APIError):
    """A 4xx without the API's envelope: a proxy, a firewall or another server answered.

    It says nothing of a credential, a permission or an object.
    """


class StateConflict(APIError):
    """409: the object is not in a state that allows this."""


class RateLimited(APIError):
    """429, or the wait for a known limit is longer than the caller allows."""

    retryable = True
    scope: str = ""
    """``X-RateLimit-Type`` of the limit, "" when the answer had none."""


class ServerError(APIError):
    """5xx; 501 and 505 are not retryable."""

    retryable = True


class ProtocolError(PandabaseError):
    """A 2xx answer that is not the documented envelope.

    Attributes:
        request_id: ``X-Request-ID`` of the answer, "" when it had none.
        created_id: Id of what the call has made nevertheless, "" when that is not known.
    """

    request_id: str = ""
    created_id: str = ""


class UnfitId(PandabaseError, ValueError):
    """No path can hold this id: it is empty, ``.``, ``..``, or has no UTF-8; nothing was sent."""


class DatabaseAway(PandabaseError):
    """The shop's own database went away during a run; what was committed stays."""

    retryable = True


class DatabaseBusy(PandabaseError):
    """The shop's own database refused for a moment: a lock, a deadlock, a conflict."""

    retryable = True


class StatementCancelled(PandabaseError):
    """The shop's own database cancelled a statement; it would take as long again at once."""


class LeaseHeld(PandabaseError):
    """Another worker sweeps the resource."""

    retryable = True
    holder: str = ""
    """Who holds the lease, as it is shown to people."""


class LeaseLost(PandabaseError):
    """The lease passed to another worker; nothing more may be written under it."""


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
    """The token has an open rotation."""

    attempt_id: Any = None
    """Primary key of it."""


class ActionError(PandabaseError):
    """An action after the sale was not recorded. Nothing was sent."""


class ActionRefused(ActionError):
    """It can't be done, by what is known here.

    Attributes:
        code: A fixed word for why.
    """

    code: str = ""


class ActionInProgress(ActionError):
    """It is not known yet what became of another action of the same object."""

    action_id: Any = None
    """Primary key of that one."""


class CheckoutError(PandabaseError):
    """A checkout was not opened, or its price not estimated. The message is for the shop.

    Attributes:
        code: A fixed word for why.
        for_buyer: One sentence for the page, in the language that was active.
    """

    code: str = ""
    for_buyer: str = ""


class CheckoutRefused(CheckoutError):
    """It can't be opened as it was asked for: by what is known here, or by the remote."""


class CheckoutUnavailable(CheckoutError):
    """Nothing was opened: the remote could not be asked, or asks for patience."""

    retryable = True


class CheckoutUnknown(CheckoutError):
    """The answer got lost. If a session was opened, nobody knows its address: ask again."""

    retryable = True


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


_interruptions: list[type[Exception]] = []


def let_pass(error: type[Exception]) -> None:
    """Name an error that ends whatever it interrupts, though it is an ``Exception``.

    Celery's soft time limit is one. The tasks name it here: what catches it knows no Celery.
    """
    if error not in _interruptions:
        _interruptions.append(error)


def interruptions() -> tuple[type[Exception], ...]:
    """What every ``except Exception`` raises again first."""
    return tuple(_interruptions)
