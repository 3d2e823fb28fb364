"""How far a request gets on its way to the remote: name, connection, encryption.

For a person who looks for a fault; requests themselves go through ``transport``. What the answer's
headers tell of the clock and the rate limit is read here too.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests.utils

__all__ = ["Allowance", "Hop", "allowance", "clock_skew_seconds", "reach"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the way.

    Attributes:
        name: ``dns``, ``tcp`` or ``tls``.
        ok: It was taken. None: it is not needed, or an earlier one failed.
        detail: An address, a protocol version, or what went wrong.
        milliseconds: How long it took.
    """

    name: str
    ok: bool | None
    detail: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit (Source: P-29)."""

    limit: int
    remaining: int
    scope: str
    reset_at: datetime | None


def reach(base_url: str, *, timeout_seconds: float) -> list[Hop]:
    """Look the host up, connect to it and shake hands; stops at the first step that fails.

    Args:
        base_url: As ``normalise_base_url`` gives it.
        timeout_seconds: For the connection and for the handshake, each. The look-up is bounded by
            the system's resolver alone.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    encrypted = parts.scheme == "https"
    port = parts.port or (443 if encrypted else 80)
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return [
            Hop("dns", False, _words(error), _since(started)),
            Hop("tcp", None),
            Hop("tls", None),
        ]
    addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    hops = [Hop("dns", True, addresses, _since(started))]
    started = time.monotonic()
    try:
        connection = socket.create_connection((host, port), timeout=timeout_seconds)
    except OSError as error:
        return [*hops, Hop("tcp", False, _words(error), _since(started)), Hop("tls", None)]
    with connection:
        hops.append(Hop("tcp", True, f"{host}:{port}", _since(started)))
        hops.append(_handshake(connection, host) if encrypted else Hop("tls", None))
    return hops


def clock_skew_seconds(
    headers: Mapping[str, str], *, sent_at: float, received_at: float
) -> float | None:
    """How far this machine's clock is ahead of the remote's; None when the answer has no date.

    The header has whole seconds, so that less than about one second means nothing.

    Args:
        headers: Of the answer.
        sent_at: Unix time when the request was sent.
        received_at: Unix time when the answer was there.
    """
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    theirs = date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp() + 0.5
    return (sent_at + received_at) / 2 - theirs


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """The rate limit as an answer tells it; None when it does not."""
    try:
        limit = int(headers.get("X-RateLimit-Limit", ""))
        remaining = int(headers.get("X-RateLimit-Remaining", ""))
    except ValueError:
        return None
    try:
        reset_at = datetime.fromtimestamp(
            float(headers.get("X-RateLimit-Reset", "")), tz=timezone.utc
        )
    except (ValueError, OverflowError, OSError):
        reset_at = None
    return Allowance(
        limit=limit,
        remaining=remaining,
        scope=headers.get("X-RateLimit-Type", "")[:64],
        reset_at=reset_at,
    )


def _handshake(connection: socket.socket, host: str) -> Hop:
    started = time.monotonic()
    # The same authorities that requests trusts.
    context = ssl.create_default_context(cafile=requests.utils.DEFAULT_CA_BUNDLE_PATH)
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            certificate = secured.getpeercert() or {}
            version = secured.version() or "TLS"
    except (OSError, ssl.SSLError) as error:
        return Hop("tls", False, _words(error), _since(started))
    until = str(certificate.get("notAfter", ""))
    return Hop("tls", True, f"{version}, {until}" if until else version, _since(started))


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or type(error).__name__


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
