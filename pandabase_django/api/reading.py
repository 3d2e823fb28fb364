"""Reads single values leniently: what does not fit becomes None and a warning, never an error.

Enumerations grow and samples disagree (Source: P-26), so nothing but a missing id stops a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pandabase_django.exceptions import ProtocolError

__all__ = ["MAX_ID_CHARACTERS", "MAX_TEXT_CHARACTERS", "PARSER_VERSION", "Fields", "digest_of"]

PARSER_VERSION = 1  # raise it when a column is read differently: every row is then written anew
MAX_ID_CHARACTERS = 128
# Of a text that becomes a column's value. PostgreSQL's indexes take 2,704 bytes a row: a text of
# this length and an id, of characters of four bytes. Nobody writes longer ones on purpose.
MAX_TEXT_CHARACTERS = 500
MAX_INTEGER = 2**63 - 1
MILLISECONDS_FROM = 10**11  # a number above this can't be seconds of our time

# Made once: json.dumps would make an encoder for each of a million rows.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_KEYS_OF_SECRETS = frozenset({"licenses", "secret", "webhookSecret"})


def digest_of(payload: Mapping[str, Any]) -> str:
    """SHA-256 over the parser's version and the canonical JSON of a payload, in hex."""
    return hashlib.sha256(f"{PARSER_VERSION}\n{_canonical(payload)}".encode()).hexdigest()


class Fields:
    """One JSON object while it is read.

    Raises:
        ProtocolError: It is not an object.
    """

    __slots__ = ("data", "warnings")

    def __init__(self, data: object, *, kind: str) -> None:
        if not isinstance(data, dict):
            raise ProtocolError(f"A {kind} is not an object.")
        self.data: dict[str, Any] = data
        self.warnings: list[str] = []

    def identifier(self, *, kind: str) -> str:
        """The object's own id.

        Raises:
            ProtocolError: There is none that can be a primary key.
        """
        value = self.data.get("id")
        if not isinstance(value, str) or not value:
            raise ProtocolError(f"A {kind} came without a usable id.")
        if len(value) > MAX_ID_CHARACTERS:
            # Not cut: that would be the id of another object.
            raise ProtocolError(
                f"A {kind} came with an id longer than {MAX_ID_CHARACTERS} characters."
            )
        return value

    def reference(self, name: str) -> str | None:
        """The id of another object."""
        value = self.data.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self._warn(name, "is not an id")
            return None
        if len(value) > MAX_ID_CHARACTERS:
            self._warn(name, f"is longer than {MAX_ID_CHARACTERS} characters")
            return None
        return value

    def text(self, name: str) -> str | None:
        """A text as a column takes it: of a long one the beginning, of a number the digits."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                self._warn(name, "is not a text")
                return None
            value = str(value)
        if len(value) <= MAX_TEXT_CHARACTERS:
            return value
        longer = f"{name} is longer than {MAX_TEXT_CHARACTERS} characters"
        self.warnings.append(f"{longer}; only the payload has all of it.")
        return value[:MAX_TEXT_CHARACTERS]

    def integer(self, name: str) -> int | None:
        """A whole number of at most 63 bits."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._warn(name, "is not a whole number")
            return None
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            self._warn(name, "is beyond 64 bits")
            return None
        return value

    def boolean(self, name: str) -> bool | None:
        value = self.data.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._warn(name, "is neither true nor false")
        return None

    def time(self, name: str) -> datetime | None:
        """An aware UTC time from ISO 8601; one without an offset is taken for UTC (P-25)."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self._warn(name, "is not a time")
            return None
        try:
            # Python 3.10 knows no Z and wants 3 or 6 digits of a second.
            parsed = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1:] == "Z" else value)
            if parsed.tzinfo is None:
                return parsed.replace(tzinfo=timezone.utc)
            return parsed.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            self._warn(name, "is not a time")
            return None

    def moment(self, name: str) -> datetime | None:
        """An aware UTC time from ISO 8601, or from an epoch number of seconds or milliseconds."""
        value = self.data.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return self.time(name)
        try:
            seconds = value / 1000 if value >= MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, tz=timezone.utc)
        except (ValueError, OverflowError, OSError):
            self._warn(name, "is not a time")
            return None

    def object(self, name: str) -> dict[str, Any] | None:
        """A nested object; an empty one counts as none (P-30 shows such)."""
        value = self.data.get(name)
        if value is None or value == {}:
            return None
        if isinstance(value, dict):
            return value
        self._warn(name, "is not an object")
        return None

    def items(self, name: str) -> list[Any] | None:
        """A nested list; None when there is none, which an empty one is not."""
        value = self.data.get(name)
        if value is None or isinstance(value, list):
            return value
        self._warn(name, "is not a list")
        return None

    def payload(self) -> dict[str, Any]:
        """The object as it came, without the secrets it is known to carry."""
        # Asked of the view, which looks up three keys instead of hashing all of the object's.
        if self.data.keys().isdisjoint(_KEYS_OF_SECRETS):
            return self.data
        return {
            key: _redacted(value) if key in _KEYS_OF_SECRETS else value
            for key, value in self.data.items()
        }

    def _warn(self, name: str, what: str) -> None:
        self.warnings.append(f"{name} {what}; it was left empty.")


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return ["[redacted]"] * len(value)
    return value if value is None else "[redacted]"
