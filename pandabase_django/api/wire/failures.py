"""What an exception on the wire means: the host, the reason, and whether anything was sent."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException

import requests
from requests import exceptions
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from pandabase_django.api.wire.connections import Exchange, Stage
from pandabase_django.exceptions import PandabaseError, ProtocolError, TransportError
from pandabase_django.printable import printable

__all__ = ["WIRE_ERRORS", "transport_error", "unsendable"]

# All that requests, urllib3, http.client and the codecs raise. Not every Exception: Celery's
# soft time limit is one, and whoever started the task waits for it.
WIRE_ERRORS: tuple[type[Exception], ...] = (
    requests.RequestException,
    HTTPError,
    HTTPException,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)
_NEVER_SENT = (
    exceptions.InvalidURL,  # of a proxy too
    exceptions.InvalidHeader,
    exceptions.MissingSchema,
    exceptions.InvalidSchema,
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
MAX_REASON_CHARACTERS = 120


def unsendable(error: Exception) -> TransportError:
    """A request that can't be written: nothing is sent, and a second try is no better."""
    return TransportError(
        f"The request could not be written ({type(error).__name__}): its address, a header or the "
        "credential holds what can't be sent.",
        executed=False,
        retryable=False,
    )


def transport_error(
    error: Exception, bounds: Exchange, *, remote: str, proxy: str, connect_seconds: float
) -> PandabaseError:
    """The error to raise instead; it holds nothing of the request.

    Args:
        error: As it came from the wire.
        bounds: The exchange it ended.
        remote: Host and port that was called.
        proxy: Host and port of the proxy between; "" for none.
        connect_seconds: The time-out of the connection.
    """
    causes = list(_causes(error))
    if bounds.too_large:
        return ProtocolError(f"The answer of {remote} is larger than may be read.")
    if isinstance(error, _NEVER_SENT) and bounds.stage is not Stage.SENT:
        return unsendable(error)
    unsent = bounds.stage is Stage.CONNECTING or (
        bounds.stage is Stage.UNKNOWN
        and any(isinstance(e, (NewConnectionError, ConnectTimeoutError)) for e in causes)
    )
    if not unsent:
        if bounds.late:
            return TransportError(f"The answer of {remote} was not complete in time.")
        if any(isinstance(e, (TimeoutError, ReadTimeoutError, exceptions.Timeout)) for e in causes):
            return TransportError(f"{remote} did not answer in time.")
        return TransportError(f"{remote} broke the connection before the answer was complete.")
    return TransportError(
        _unsent_words(causes, remote=remote, proxy=proxy, connect_seconds=connect_seconds),
        executed=False,
    )


def _unsent_words(
    causes: list[BaseException], *, remote: str, proxy: str, connect_seconds: float
) -> str:
    at_proxy = any(isinstance(e, exceptions.ProxyError) for e in causes)
    if at_proxy:
        for cause in causes:
            if found := _TUNNEL.search(str(cause)):
                return f"The proxy {proxy} opens no way to {remote} (HTTP {found[1]})."
    where = f"The proxy {proxy}" if at_proxy else remote
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or "handshake failed"
            return f"No TLS connection to {remote}: {_shortened(reason)}."
    if any(isinstance(e, (socket.gaierror, NameResolutionError)) for e in causes):
        host = (proxy if at_proxy else remote).rpartition(":")[0]
        return f"The name {host} could not be looked up."
    if any(isinstance(e, ConnectionRefusedError) for e in causes):
        return f"{where} refused the connection."
    if any(isinstance(e, (TimeoutError, ConnectTimeoutError)) for e in causes):
        return f"{where} did not take the connection within {connect_seconds:g} s."
    for cause in causes:
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            reason = cause.strerror or type(cause).__name__
            return f"No connection to {where}: {_shortened(reason)}."
    return f"No connection to {where} could be made."


def _shortened(reason: str) -> str:
    return printable(reason)[:MAX_REASON_CHARACTERS].rstrip(".")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all it was made of, each once, the outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [getattr(found, "reason", None), *found.args]
        waiting += [found.__cause__, found.__context__]
