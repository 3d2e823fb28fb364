"""How errors of runs and deliveries say that a token was refused, or that there was none."""

from __future__ import annotations

__all__ = ["REFUSED_WORDS", "TOKEN_WORDS"]

# As ``exceptions.APIError`` and ``clients.token_of`` write it.
_UNAUTHENTICATED, _FORBIDDEN, _NO_TOKEN = "(HTTP 401", "(HTTP 403", "has no active token"
TOKEN_WORDS = (_UNAUTHENTICATED, _NO_TOKEN)
"""Nothing of the store can be read until it has a token that works."""
REFUSED_WORDS = (_UNAUTHENTICATED, _FORBIDDEN, _NO_TOKEN)
"""Another secret, permission or token lets it pass."""
