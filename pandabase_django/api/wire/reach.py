"""How far a request gets on its way to the remote: name, connection, encryption.

For a person who looks for a fault; requests themselves go through ``transport``.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests.adapters
import requests.utils
from urllib3.util.ssltransport import SSLTransport

from pandabase_django.api.wire import network
from pandabase_django.api.wire.egress import Egress, host_and_port
from pandabase_django.printable import printable

__all__ = ["Hop", "reach"]

MAX_HEAD_BYTES = 16_384
_Stream = Any  # a socket, or TLS over one that is TLS already


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the way.

    Attributes:
        name: ``dns``, ``tcp``, ``proxy`` or ``tls``.
        ok: It was taken. None: it is not needed, or an earlier one failed.
        detail: An address, a protocol version, or what went wrong.
        milliseconds: How long it took.
    """

    name: str
    ok: bool | None
    detail: str = ""
    milliseconds: int = 0


def reach(base_url: str, *, timeout_seconds: float, egress: Egress | None = None) -> list[Hop]:
    """Look the host up, connect to it and shake hands; stops at the first step that fails.

    Through a proxy it is the proxy's host that is looked up and connected to.

    Args:
        base_url: As ``normalise_base_url`` gives it.
        timeout_seconds: For the connection and for each handshake. The look-up is bounded by the
            system's resolver alone.
        egress: The way out; None goes directly.
    """
    way = egress or Egress()
    proxy = way.proxy_for(base_url)
    names = ["dns", "tcp", *(["proxy"] if proxy else []), "tls"]
    hops: list[Hop] = []
    host, port = host_and_port(proxy or base_url)
    with ExitStack() as stack:
        steps = _steps(stack, base_url, (host, port), way, timeout_seconds)
        for name in names:
            started = time.monotonic()
            try:
                detail = next(steps)
            except (OSError, ValueError) as error:
                hops.append(Hop(name, False, _words(error), _since(started)))
                break
            # Plain http has no handshake.
            ok = None if detail is None else True
            hops.append(Hop(name, ok, detail or "", _since(started) if ok else 0))
    return hops + [Hop(name, None) for name in names[len(hops) :]]


def _steps(
    stack: ExitStack, base_url: str, near: tuple[str, int], way: Egress, timeout_seconds: float
) -> Iterator[str | None]:
    """Takes one step at a time, and gives its detail; None where it is not needed."""
    for asked in (near[0], host_and_port(base_url)[0]):  # a proxy here leads out
        network.ask(asked)
    found = socket.getaddrinfo(*near, type=socket.SOCK_STREAM)
    yield ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    connection: _Stream = stack.enter_context(
        socket.create_connection(near, timeout=timeout_seconds)
    )
    yield f"{near[0]}:{near[1]}"
    encrypted = base_url.startswith("https")
    if way.proxy_for(base_url):
        connection, answer = _through(connection, base_url, way)
        yield answer
    if not encrypted:
        yield None
        return
    host, _port = host_and_port(base_url)
    secured = SSLTransport(connection, _context(way), server_hostname=host)
    certificate = secured.getpeercert() or {}
    until = str(certificate.get("notAfter", ""))
    version = secured.version() or "TLS"
    yield f"{version}, {until}" if until else version


def _through(connection: _Stream, base_url: str, way: Egress) -> tuple[_Stream, str]:
    """Ask the proxy for a way to the remote, as requests do."""
    proxy = way.proxy_for(base_url)
    opened = connection
    if proxy.startswith("https"):
        opened = SSLTransport(connection, _context(way), server_hostname=host_and_port(proxy)[0])
    if base_url.startswith("http:"):
        return opened, "HTTP"  # asked for each request by itself
    host, port = host_and_port(base_url)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    for name, value in requests.adapters.HTTPAdapter().proxy_headers(proxy).items():
        lines.append(f"{name}: {value}")
    opened.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head:
        piece = opened.recv(1)  # not a byte of what comes after it
        head += piece
        if not piece or len(head) > MAX_HEAD_BYTES:
            raise OSError("the proxy broke off")
    status = printable(head.split(b"\r\n")[0].decode("latin-1"))[:100]
    if not re.match(r"HTTP/1\.[01] 2\d\d\b", status):
        raise OSError(f"the proxy answered {status}")
    return opened, status


def _context(way: Egress) -> ssl.SSLContext:
    """Trusts the same authorities as requests do."""
    place = way.ca_bundle or requests.utils.DEFAULT_CA_BUNDLE_PATH
    if Path(place).is_dir():
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if type(error) is OSError else type(error).__name__


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
