"""An answer of the remote: as it came, read, or turned into an error without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pandabase_django.api.decoding import decode
from pandabase_django.api.masking import mask
from pandabase_django.api.permissions import codes_in
from pandabase_django.exceptions import (
    APIError,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    ProtocolError,
    RateLimited,
    ServerError,
    StateConflict,
)

__all__ = ["RawReply", "Reply", "read_reply"]

MAX_MESSAGE_CHARACTERS = 300
_ERRORS: Mapping[int, type[APIError]] = {
    400: InvalidRequest,
    401: InvalidCredential,
    404: ObjectNotFound,
    409: StateConflict,
    422: InvalidRequest,
}


@dataclass(frozen=True, slots=True)
class RawReply:
    """An answer as it came; the body is masked in the repr since it may hold a secret.

    Headers are found by name in any case: a proxy may send them all in lower case.
    """

    status: int
    request_id: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer.

    Attributes:
        data: What stood under ``data`` in the envelope (Source: P-07).
        replaced: Sentences on what could not be stored as it came.
    """

    data: Any = field(repr=False)
    status: int
    request_id: str
    replaced: tuple[str, ...] = ()


def read_reply(raw: RawReply) -> Reply:
    """Read the envelope of an answer.

    Raises:
        APIError: The remote refused; the class tells the status. A 404 without the documented
            envelope is no ``ObjectNotFound``: something on the way answered, and an object is not
            proved to be gone.
        ProtocolError: It is not the documented envelope.
    """
    if raw.status >= 400:
        raise _refusal(raw)
    if raw.status == 204 and not raw.body:
        return Reply(data=None, status=raw.status, request_id=raw.request_id)
    try:
        decoded = decode(raw.body)
    except ProtocolError as error:
        raise ProtocolError(error.message, request_id=raw.request_id) from None
    envelope = decoded.data
    if not isinstance(envelope, dict) or envelope.get("ok") is not True:
        words = _error_text(envelope) if isinstance(envelope, dict) else ""
        raise ProtocolError(
            f"HTTP {raw.status} without the documented envelope. {words}".strip(),
            request_id=raw.request_id,
        )
    return Reply(
        data=envelope.get("data"),
        status=raw.status,
        request_id=raw.request_id,
        replaced=decoded.replaced,
    )


def _refusal(raw: RawReply) -> APIError:
    try:
        data = decode(raw.body).data
    except ProtocolError:
        data = None
    text = _error_text(data)
    message = text or f"The remote answered HTTP {raw.status} without an explanation."
    where: dict[str, Any] = {"status": raw.status, "request_id": raw.request_id}
    if raw.status == 404 and not (isinstance(data, dict) and data.get("ok") is False):
        return APIError(f"Not in the Store API's own form: {message}", **where)
    if raw.status == 403:
        return MissingPermission(message, codes=codes_in(text), **where)
    if raw.status == 429:
        return RateLimited(message, scope=raw.headers.get("X-RateLimit-Type", ""), **where)
    if raw.status >= 500:
        return ServerError(message, **where)
    return _ERRORS.get(raw.status, APIError)(message, **where)


def _error_text(data: Any) -> str:
    """The remote's words on an error: a text, or an object with a message (Source: P-07)."""
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, dict):
        error = " ".join(
            str(error[k]) for k in ("code", "message") if isinstance(error.get(k), str)
        )
    if not isinstance(error, str):
        return ""
    return mask(" ".join(error.split()))[:MAX_MESSAGE_CHARACTERS]
