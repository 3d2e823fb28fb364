"""What the remote answered, or did not; and deliveries that can't be trusted."""

from __future__ import annotations

from typing import Any

from pandabase_django.exceptions.base import PandabaseError

__all__ = [
    "APIError",
    "ForeignAnswer",
    "InvalidCredential",
    "InvalidRequest",
    "MissingPermission",
    "ObjectNotFound",
    "ProtocolError",
    "RateLimited",
    "ServerError",
    "StateConflict",
    "TransportError",
    "UnfitId",
    "WebhookRejected",
]


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
