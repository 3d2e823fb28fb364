"""What callers give, as it goes over the wire; what can't go is refused in clear words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache
from keyword import iskeyword
from typing import Any
from uuid import UUID

from pandabase_django.api.operations import OPERATIONS, Operation

__all__ = [
    "checked_key",
    "checked_timeout",
    "encoded_body",
    "found_operation",
    "path_values",
    "query_texts",
    "spelled",
]

_KEY = re.compile(r"[A-Za-z0-9_-]{8,32}\Z")  # P-10: fits both of the vendor's texts


def found_operation(operation: str | Operation) -> Operation:
    """An operation by its name.

    Raises:
        LookupError: There is none of that name.
    """
    if isinstance(operation, Operation):
        return operation
    found = OPERATIONS.get(operation)
    if found is None:
        near = get_close_matches(str(operation), OPERATIONS, n=3, cutoff=0.5)
        hint = f" Near it: {', '.join(near)}." if near else ""
        raise LookupError(f"There is no operation {operation!r}.{hint}")
    return found


def path_values(operation: Operation, params: Mapping[str, str] | None) -> dict[str, str]:
    """What the path names.

    Raises:
        TypeError: A value is no text.
    """
    for name, value in (params or {}).items():
        if not isinstance(value, str):
            raise TypeError(f"{name} of {operation.name} is a str, not {type(value).__name__}.")
    return dict(params or {})


def query_texts(operation: Operation, query: Mapping[str, Any] | None) -> dict[str, str]:
    """Query parameters as text; those that are None are left out.

    Raises:
        TypeError: The operation has no such parameter, or its value has no text form.
        ValueError: A number is not finite, or a time has no time zone.
    """
    unknown = set(query or ()) - operation.query
    if unknown:
        raise TypeError(f"{operation.name} takes no query parameter {', '.join(sorted(unknown))}.")
    return {
        name: _text(f"{name} of {operation.name}", value)
        for name, value in (query or {}).items()
        if value is not None
    }


def encoded_body(operation: Operation, body: Any) -> bytes | None:
    """A body as JSON; None for none.

    Raises:
        TypeError: The operation takes none, or it holds what JSON has no form for.
        ValueError: It holds a number that is not finite, or itself.
    """
    if body is None:
        return None
    if operation.reads:
        raise TypeError(f"{operation.name} takes no body.")
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        # Not the codec's own error, which holds the whole body.
        reason = "a lone surrogate" if isinstance(error, UnicodeError) else str(error)
    del body
    raise kind(f"The body of {operation.name} can't be written as JSON: {reason}")


def spelled(operation: Operation, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Filters in the remote's spelling: ``sort_by`` as ``sortBy``, ``from_`` as ``from``.

    Those that the remote itself spells as Python does, such as ``product_id``, stay as they are.
    """
    names = _spelling(operation)
    return {names.get(name, name): value for name, value in filters.items()}


@cache
def _spelling(operation: Operation) -> dict[str, str]:
    names = {re.sub(r"[A-Z]", lambda a: f"_{a[0].lower()}", one): one for one in operation.query}
    return {f"{name}_" if iskeyword(name) else name: one for name, one in names.items()}


def checked_timeout(seconds: float | None) -> float | None:
    """How long a call may take.

    Raises:
        TypeError: It is no number.
        ValueError: It is not above zero, or not finite.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"timeout is a number of seconds, not {type(seconds).__name__}.")
    if not 0 < seconds < math.inf:
        raise ValueError("timeout is a number of seconds above 0.")
    return seconds


def checked_key(operation: Operation, key: str | None) -> str | None:
    """An idempotency key.

    Raises:
        TypeError: The operation only reads, or the key is no text.
        ValueError: It is malformed.
    """
    if key is None:
        return None
    if operation.reads:
        raise TypeError(f"{operation.name} only reads, and takes no idempotency key.")
    if not isinstance(key, str):
        raise TypeError(f"An idempotency key is a str, not {type(key).__name__}.")
    if not _KEY.match(key):
        raise ValueError("An idempotency key has 8 to 32 letters, digits, hyphens and underscores.")
    return key


def _text(what: str, value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, UUID)):
        return str(value)
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            raise ValueError(f"{what} is not a finite number.")
        return f"{value:f}" if isinstance(value, Decimal) else repr(value)
    if isinstance(value, datetime):
        return _time(what, value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(
        f"{what} can't be a {type(value).__name__}: give one text, number, bool, date or time."
    )


def _time(what: str, value: datetime) -> str:
    """As the remote writes times (P-25)."""
    if value.tzinfo is None:
        raise ValueError(f"{what} has no time zone.")
    text = value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
