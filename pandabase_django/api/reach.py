"""How far a request gets on its way to the remote: name, connection, encryption.

For a person who looks for a fault; requests themselves go through ``transport``.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests.utils

__all__ = ["Hop", "reach"]


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
