"""An answer of the remote: as it came, read, or turned into an error without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pandabase_django.api.masking import mask
from pandabase_django.api.permissions import codes_in
from pandabase_django.api.wire.decoding import Content, Decoded, content_of, decode
from pandabase_django.api.wire.headers import retry_after_seconds
from pandabase_django.exceptions import (
    APIError,
    ForeignAnswer,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    RateLimited,
    ServerError,
    StateConflict,
)
from pandabase_django.printable import printable

__all__ = ["RawReply", "Reply", "is_envelope", "read_reply"]

MAX_MESSAGE_CHARACTERS = 300
_NEVER_BETTER = (501, 505)  # the server does not know the method or the protocol
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
    received_at: float = 0.0
    """Unix time when the headers were there."""

    @property
    def from_api(self) -> bool:
        """The API itself answered: proxies and firewalls have 200s, 401s and 403s of their own."""
        try:
            return is_envelope(decode(self.body).data, ok=self.status < 400)
        except ProtocolError:
            return False


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer.

    Attributes:
        content: What was under ``data`` in the envelope (Source: P-07), decoded when it is asked
            for.
        headers: Found by name in any case. Not in the repr: a proxy may set what is secret.
        idempotency_key: What a write was sent with; "" of a read.
    """

    content: Content = field(repr=False)
    status: int
    request_id: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    idempotency_key: str = ""

    @property
    def data(self) -> Any:
        """What was under ``data``, as Python has it.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        return self.content.decoded.data

    @property
    def replaced(self) -> tuple[str, ...]:
        """Sentences on what could not be stored as it came.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        return self.content.decoded.replaced


def read_reply(raw: RawReply) -> Reply:
    """Read the envelope of an answer.

    Raises:
        APIError: The remote refused; the class says the status. A 401, 403 or 404 without the
            documented envelope is a ``ForeignAnswer``: something on the way answered, which says
            nothing of a credential, a permission or an object.
        ProtocolError: It is not the documented envelope.
    """
    read = _read(raw)
    # Reports show the variables of every frame that an error went through.
    del raw
    if isinstance(read, PandabaseError):
        raise read
    return read


def is_envelope(data: Any, *, ok: bool) -> bool:
    """Whether decoded JSON is the envelope of a success or, with ``ok=False``, of an error."""
    return isinstance(data, dict) and data.get("ok") is ok


def _read(raw: RawReply) -> Reply | PandabaseError:
    """The answer, or the error that it is. Raises nothing: its variables may hold a secret."""
    if raw.status >= 400:
        return _refusal(raw)
    if raw.status == 204 and not raw.body:
        return _reply(Content(Decoded(None)), raw)
    if content := content_of(raw.body):
        return _reply(content, raw)
    try:
        decoded = decode(raw.body)
    except ProtocolError as error:
        return ProtocolError(error.message, request_id=raw.request_id)
    envelope = decoded.data
    if not is_envelope(envelope, ok=True):
        words = _error_text(envelope) if isinstance(envelope, dict) else ""
        return ProtocolError(
            f"HTTP {raw.status} without the documented envelope. {words}".strip(),
            request_id=raw.request_id,
        )
    content = Content(Decoded(envelope.get("data"), decoded.replaced))
    return _reply(content, raw)


def _reply(content: Content, raw: RawReply) -> Reply:
    return Reply(content, status=raw.status, request_id=raw.request_id, headers=raw.headers)


def _refusal(raw: RawReply) -> APIError:
    try:
        data = decode(raw.body).data
    except ProtocolError:
        data = None
    text = _error_text(data)
    message = text or f"The remote answered HTTP {raw.status} without an explanation."
    where: dict[str, Any] = {"status": raw.status, "request_id": raw.request_id}
    if raw.status < 500 and raw.status != 429 and not is_envelope(data, ok=False):
        return ForeignAnswer(f"Not in the Store API's own form: {message}", **where)
    if raw.status == 403:
        return MissingPermission(message, codes=codes_in(text), **where)
    if raw.status == 429:
        return RateLimited(
            message, scope=printable(raw.headers.get("X-RateLimit-Type", ""))[:64], **where
        )
    if raw.status in _NEVER_BETTER:
        return ServerError(message, retryable=False, **where)
    if raw.status >= 500:
        after = retry_after_seconds(raw.headers)
        return ServerError(message, retry_after_seconds=after, **where)
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
    return mask(" ".join(printable(error).split()))[:MAX_MESSAGE_CHARACTERS]
