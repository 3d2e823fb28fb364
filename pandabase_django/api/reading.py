"""Reads single values leniently: what does not fit becomes None and a warning, never an error.

Enumerations grow and samples disagree (Source: P-26), so nothing but a missing id stops a row.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from pandabase_django.api.base_url import is_loopback
from pandabase_django.exceptions import ProtocolError

__all__ = ["MAX_ID_CHARACTERS", "MAX_INTEGER", "MAX_TEXT_CHARACTERS", "Fields", "time_of"]

MAX_ID_CHARACTERS = 128
# Of a text that becomes a column's value. PostgreSQL's indexes take 2,704 bytes a row: a text of
# this length and an id, of characters of four bytes. Nobody writes longer ones on purpose.
MAX_TEXT_CHARACTERS = 500
MAX_ADDRESS_CHARACTERS = 2000
MAX_INTEGER = 2**63 - 1
# Pages show times in the zone of the site: at the ends of what Python counts, its offset would be
# an error of the whole page.
EARLIEST = datetime.min.replace(tzinfo=timezone.utc) + timedelta(days=2)
LATEST = datetime.max.replace(tzinfo=timezone.utc) - timedelta(days=2)
MILLISECONDS_FROM = 10**11  # a number above this can't be seconds of our time

# Control characters, and what has replaced some of them: such an id is another's.
_UNFIT_IN_IDS = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")
_NO_TIME = "is not a time, or is at the end of all years"
REDACTED = "[redacted]"
_KEYS_OF_SECRETS = frozenset({"licenses", "secret", "webhookSecret"})


class Fields:
    """One JSON object while it is read.

    Raises:
        ProtocolError: It is not an object.
    """

    __slots__ = ("_inside", "_prefix", "data", "warnings")

    def __init__(self, data: object, *, kind: str) -> None:
        if not isinstance(data, dict):
            raise ProtocolError(f"A {kind} is not an object.")
        self.data: dict[str, Any] = data
        self.warnings: list[str] = []
        self._prefix = ""
        self._inside: dict[str, Fields] | None = None

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
        # Nearly every id is letters and digits, and each row of a list comes by here.
        if not value.isidentifier() and (value in (".", "..") or _UNFIT_IN_IDS.search(value)):
            raise ProtocolError(f"A {kind} came with an id that can't be used: {value!a}.")
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
        longer = f"{self._prefix}{name} is longer than {MAX_TEXT_CHARACTERS} characters"
        self.warnings.append(f"{longer}; only the payload has all of it.")
        return value[:MAX_TEXT_CHARACTERS]

    def whole_text(self, name: str) -> str | None:
        """A text of any length, which is nobody's column."""
        value = self.data.get(name)
        if value is None or isinstance(value, str):
            return value
        self._warn(name, "is not a text")
        return None

    def address(self, name: str) -> str | None:
        """A URL that a browser may be sent to: https, or http to this machine; never cut."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > MAX_ADDRESS_CHARACTERS:
            self._warn(name, "is not an address")
            return None
        try:
            parts = urlsplit(value)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        # Browsers leave out control characters, and take a backslash for a slash.
        unfit = not host or re.search(r"[\x00-\x20\x7f\\]", value) or "@" in parts.netloc
        if unfit or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
            self._warn(name, "is not an https address")
            return None
        return value

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
            self._warn(name, _NO_TIME)
            return None
        parsed = time_of(value)
        if parsed is None:
            self._warn(name, _NO_TIME)
        return parsed

    def moment(self, name: str) -> datetime | None:
        """An aware UTC time from ISO 8601, or from an epoch number of seconds or milliseconds."""
        value = self.data.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return self.time(name)
        try:
            seconds = value / 1000 if value >= MILLISECONDS_FROM else value
            parsed = datetime.fromtimestamp(seconds, tz=timezone.utc)
            if EARLIEST <= parsed <= LATEST:
                return parsed
        except (ValueError, OverflowError, OSError):
            pass
        self._warn(name, _NO_TIME)
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

    def inside(self, name: str) -> Fields:
        """A nested object, empty where there is none; its warnings become this one's."""
        if self._inside is None:
            self._inside = {}
        inner = self._inside.get(name)
        if inner is None:
            inner = self._inside[name] = Fields(self.object(name) or {}, kind=name)
            inner.warnings, inner._prefix = self.warnings, f"{self._prefix}{name}: "
        return inner

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
        self.warnings.append(f"{self._prefix}{name} {what}; it was left empty.")


def time_of(text: str) -> datetime | None:
    """An aware UTC time from ISO 8601; None when it is none, or none that pages can show."""
    try:
        # Python 3.10 knows no Z and wants 3 or 6 digits of a second.
        parsed = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] == "Z" else text)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=timezone.utc)
        parsed = parsed.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return parsed if EARLIEST <= parsed <= LATEST else None


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [REDACTED] * len(value)
    return value if value is None else REDACTED
