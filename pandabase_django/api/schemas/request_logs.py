"""One entry of the remote's log of our own requests, whose field names are not documented.

What is documented is what an entry says: method, path, status, response time and address
(Source: P-18). So each is looked for under every likely name, in any spelling, at the top and in
a nested ``request`` or ``response``; the entry as it came is kept beside, without credentials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from pandabase_django.api.digests import digest_of
from pandabase_django.api.masking import without_credentials
from pandabase_django.api.reading import Fields

__all__ = ["RequestLogEntry"]

# Without capitals, underscores and hyphens; the likeliest first.
_IDS = ("id", "logid", "requestid", "uuid")
_METHODS = ("method", "httpmethod", "requestmethod", "verb")
_PATHS = ("path", "url", "uri", "endpoint", "route", "requestpath")
_STATUSES = ("statuscode", "status", "responsestatus", "httpstatus", "code")
_DURATIONS = ("responsetime", "responsetimems", "durationms", "duration", "latencyms", "latency")
_ADDRESSES = ("ipaddress", "ip", "clientip", "remoteip", "remoteaddress", "sourceip")
_TIMES = ("createdat", "timestamp", "time", "loggedat", "requestedat", "occurredat", "date")

_NESTED = ("request", "response")
_MAX_ADDRESS_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLogEntry:
    """One logged request; a part is None when nothing fitted.

    Attributes:
        duration_ms: Milliseconds, if the remote counts in them as the documents show.
        ip: In the canonical spelling when it is an IP address.
        payload: The entry as it came, without credentials.
        warnings: What did not fit.
    """

    id: str | None
    method: str | None
    path: str | None
    status_code: int | None
    duration_ms: float | None
    ip: str | None
    logged_at: datetime | None
    payload: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)

    @classmethod
    def from_json(cls, data: object) -> RequestLogEntry:
        """Read an entry.

        Raises:
            ProtocolError: It is not an object.
        """
        payload = without_credentials(Fields(data, kind="request log entry").data)
        found = _flattened(payload)
        f = Fields(
            {
                "id": _first(found, _IDS),
                "method": _first(found, _METHODS),
                "path": _first(found, _PATHS),
                "status": _number(_first(found, _STATUSES)),
                "ip": _first(found, _ADDRESSES),
                "time": _number(_first(found, _TIMES)),
            },
            kind="request log entry",
        )
        identifier = f.text("id")
        status = f.integer("status")
        return cls(
            id=identifier if identifier and len(identifier) <= 128 else None,
            method=f.text("method"),
            path=f.text("path"),
            status_code=status if status is not None and 0 <= status <= 999 else None,
            duration_ms=_milliseconds(_first(found, _DURATIONS)),
            ip=_address(f.text("ip")),
            logged_at=f.moment("time"),
            payload=payload,
            warnings=tuple(f.warnings),
        )


def _flattened(payload: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in _NESTED:
        nested = payload.get(name)
        if isinstance(nested, dict):
            flat.update(_flattened(nested))
    flat.update(
        (key.lower().replace("_", "").replace("-", ""), value) for key, value in payload.items()
    )
    return flat


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _number(value: Any) -> Any:
    """The number a text of digits means; anything else as it is."""
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    return int(value) if digits else value


def _milliseconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value.removesuffix("ms") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return text[:_MAX_ADDRESS_CHARACTERS]
