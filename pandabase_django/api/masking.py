"""Takes credentials out of texts and data that the remote sent and that people will read.

A known shape is masked wherever it is; a field that is named like a credential is masked
whatever it holds. Source: P-04, P-05, P-06.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["MASK", "SECRET_IN_TEXT", "mask", "without_credentials"]

MASK = "••••"

SECRET_IN_TEXT = r"sk_[A-Za-z0-9_\-.~+/=]"  # noqa: S105  a pattern
"""The beginning of a token's secret inside a text, and then any of its characters, to repeat."""

# Secrets (but not the end of "task_id"), signing secrets of webhooks, and what may be a signature
# or a hash of a secret.
_CREDENTIAL = re.compile(
    rf"(?<![A-Za-z0-9]){SECRET_IN_TEXT}+|(?:whsec|whk_secret)_[A-Za-z0-9+/=_-]+|\b[0-9a-fA-F]{{64}}\b"
)
_NAMED_SO = re.compile(r"authorization|signature|secret|cookie|password|api-?key", re.IGNORECASE)


def mask(text: str) -> str:
    """The text with every credential replaced."""
    return _CREDENTIAL.sub(MASK, text)


def without_credentials(value: Any) -> Any:
    """A copy of JSON data with every credential replaced, in keys as well."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [without_credentials(item) for item in value]
    if isinstance(value, dict):
        return {
            mask(key): MASK
            if item is not None and _NAMED_SO.search(key.replace("_", "-"))
            else without_credentials(item)
            for key, item in value.items()
        }
    return value
