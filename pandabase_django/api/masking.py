"""Takes credentials out of texts and data that the remote sent and that people will read.

A known shape is masked wherever it stands; a field that is named like a credential is masked
whatever it holds. Source: P-04, P-05, P-06.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["mask", "without_credentials"]

MASK = "••••"

# Secrets (but not the end of "task_id"), signing secrets of webhooks, and what may be a signature
# or a hash of a secret.
_CREDENTIAL = re.compile(
    r"(?<![A-Za-z0-9])sk_[A-Za-z0-9_\-.~+/=]+|whsec_[A-Za-z0-9+/=_-]+|\b[0-9a-fA-F]{64}\b"
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
