"""Signs requests: Bearer (Source: P-04) and HMAC (Source: P-05).

The signature covers the body alone, so that of every bodiless request of a token is one constant
(Source: P-06): it is as secret as the secret. Plaintext goes from ``reveal`` straight into the
hash or header and is never bound to a local name.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from requests import PreparedRequest
from requests.auth import AuthBase

__all__ = [
    "BearerAuth",
    "HmacAuth",
    "NoAuth",
    "ReplaceableAuth",
    "Revealable",
    "request_signature",
]


class Revealable(Protocol):
    """Something that holds a secret text."""

    def reveal(self) -> str:
        """The text."""


def request_signature(body: bytes, *, secret: Revealable) -> str:
    """``X-Signature`` of a body: HMAC-SHA256, 64 lower-case hex characters.

    The key is the 64-character hex text of SHA-256(secret), not its 32 raw bytes.

    Source: P-05.
    """
    return hmac.new(
        hashlib.sha256(secret.reveal().encode()).hexdigest().encode(), body, hashlib.sha256
    ).hexdigest()


class BearerAuth(AuthBase):
    """Sends the secret itself."""

    def __init__(self, secret: Revealable) -> None:
        self._secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        return request

    def __repr__(self) -> str:
        return "<BearerAuth ••••>"


class HmacAuth(AuthBase):
    """Sends the token id and a signature of the final body bytes."""

    def __init__(self, token_id: str, secret: Revealable) -> None:
        self._token_id = token_id
        self._secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token_id}"
        request.headers["X-Signature"] = request_signature(
            _body_bytes(request), secret=self._secret
        )
        return request

    def __repr__(self) -> str:
        return f"<HmacAuth {self._token_id} ••••>"


class NoAuth(AuthBase):
    """Sends no credential: the public APIs ask for none (Source: P-36)."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def __repr__(self) -> str:
        return "<NoAuth>"


class ReplaceableAuth(AuthBase):
    """Signs with the newest of several, so that a rotation needs no new client.

    Attributes:
        generation: Grows with each replacement: separates an answer to the old credential from one
            to the new.
    """

    def __init__(self, auth: AuthBase) -> None:
        self._auth = auth
        self.generation = 1

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return self._auth(request)

    def replace(self, auth: AuthBase) -> None:
        """Sign with this one from now on."""
        self._auth = auth
        self.generation += 1

    def __repr__(self) -> str:
        return f"<ReplaceableAuth {self._auth!r}>"


def _body_bytes(request: PreparedRequest) -> bytes:
    body = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        request.body = body = body.encode()
    if not isinstance(body, bytes):
        raise TypeError("A streamed body can't be signed: give the whole body as bytes.")
    return body
