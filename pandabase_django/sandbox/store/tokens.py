"""The store's API tokens, and the check of a request against them.

This is written from the vendor's description alone and shares no code with the client, so that a
mistake in one is not repeated in the other.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import ClassVar

from pandabase_django.sandbox.seed.identity import Identities

__all__ = ["ALL_PERMISSIONS", "Token", "TokenRegistry"]

ALL_PERMISSIONS = tuple(
    f"{resource}_{right}"
    for resource, rights in (
        ("PRODUCTS", "READ WRITE"),
        ("ORDERS", "READ WRITE"),
        ("CUSTOMERS", "READ WRITE"),
        ("CATEGORIES", "READ WRITE"),
        ("COUPONS", "READ WRITE"),
        ("WEBHOOKS", "READ WRITE"),
        ("ANALYTICS", "READ"),
        ("PAYOUTS", "READ WRITE"),
        ("LICENSES", "READ WRITE"),
        ("REFUNDS", "READ WRITE"),
        ("STORE", "READ WRITE"),
        ("SUBSCRIPTIONS", "READ WRITE"),
        ("USAGE", "READ WRITE"),
        ("METERS", "READ WRITE"),
        ("REPORTS", "READ WRITE"),
        ("DISPUTES", "READ WRITE"),
        ("CASES", "READ WRITE"),
    )
    for right in rights.split()
)
"""Every permission code known. Source: P-11."""

_MOST_TOKENS = 25
_MODES = ("HMAC", "BEARER")


@dataclass
class Token:
    """One API token. Its secret never shows in a repr."""

    token_id: str
    mode: str
    permissions: tuple[str, ...]
    secret: str = field(repr=False)
    rolls: int = 0
    empty_signature: bytes = field(default=b"", repr=False)

    def sign(self, body: bytes) -> bytes:
        """What ``X-Signature`` must be for a body. Source: P-05."""
        return _signature(self.secret, body)


class TokenRegistry:
    """All tokens of the store, at most 25. Source: P-14."""

    KEPT: ClassVar[tuple[str, ...]] = ("_made", "_tokens")

    def __init__(self, *, seed: int, ids: Identities) -> None:
        self._seed = seed
        self._ids = ids
        self._made = 0
        self._tokens: dict[str, Token] = {}

    def add(
        self,
        *,
        mode: str,
        permissions: tuple[str, ...] = ALL_PERMISSIONS,
        secret: str | None = None,
    ) -> Token:
        """Make a token; its id and secret follow from the seed unless a secret is given.

        Raises:
            ValueError: Unknown mode, or the store has 25 tokens.
        """
        if mode not in _MODES:
            raise ValueError(f"mode {mode!r} is neither HMAC nor BEARER")
        if len(self._tokens) >= _MOST_TOKENS:
            raise ValueError(f"a store has at most {_MOST_TOKENS} tokens")
        token_id = self._ids.make("token", self._made)
        self._made += 1
        token = Token(token_id, mode, permissions, secret or self._secret(token_id, 0))
        token.empty_signature = token.sign(b"")
        self._tokens[token_id] = token
        return token

    def find(self, token_id: str) -> Token | None:
        """The token with an id; None when unknown or revoked."""
        return self._tokens.get(token_id)

    def of_mode(self, mode: str) -> Token | None:
        """The oldest token of a mode."""
        return next((token for token in self.every() if token.mode == mode), None)

    def every(self) -> list[Token]:
        """All tokens, oldest first."""
        return list(self._tokens.values())

    def permit(self, token_id: str, permissions: tuple[str, ...]) -> Token:
        """Give a token these permissions and no others.

        Raises:
            LookupError: No such token.
        """
        token = self._tokens[token_id]
        token.permissions = permissions
        return token

    def revoke(self, token_id: str) -> bool:
        """Forget a token; False when it was not there."""
        return self._tokens.pop(token_id, None) is not None

    def roll(self, token: Token) -> str:
        """Give a token a new secret and return it; the old one is void at once. Source: P-15."""
        token.rolls += 1
        token.secret = self._secret(token.token_id, token.rolls)
        token.empty_signature = token.sign(b"")
        return token.secret

    def authenticate(self, authorization: str, *, signature: str, body: bytes) -> Token | None:
        """The token that signed a request; None when none did. Source: P-04, P-05."""
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        if credential.startswith("stk_"):
            return self._authenticate_signature(credential, signature=signature, body=body)
        given = credential.encode("utf-8", "surrogateescape")
        found = None
        for token in self.every():
            matches = hmac.compare_digest(given, token.secret.encode())
            if matches and token.mode == "BEARER":
                found = token
        return found

    def _authenticate_signature(
        self, token_id: str, *, signature: str, body: bytes
    ) -> Token | None:
        token = self._tokens.get(token_id)
        if token is None or token.mode != "HMAC":
            return None
        expected = token.sign(body) if body else token.empty_signature
        given = signature.encode("utf-8", "surrogateescape")
        return token if hmac.compare_digest(given, expected) else None

    def _secret(self, token_id: str, roll: int) -> str:
        text = f"secret:{self._seed}:{token_id}:{roll}".encode()
        return "sk_test_" + hashlib.blake2b(text, digest_size=20).hexdigest()


def _signature(secret: str, body: bytes) -> bytes:
    key = hashlib.sha256(secret.encode()).hexdigest().encode()
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()
