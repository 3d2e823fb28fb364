"""One POST to a webhook endpoint: no redirect, no proxy, no second try."""

from __future__ import annotations

import http.client
import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_loopback", "post"]


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine. No name is looked up but ``localhost``."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(url: str, *, body: bytes, headers: dict[str, str], timeout_seconds: float) -> int:
    """Send, and return the status of the answer, whose body is not read.

    Raises:
        OSError: No connection, or no answer in time.
        http.client.HTTPException: The answer is not HTTP.
        ValueError: The URL is none.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError("a webhook URL begins with http:// or https:// and names a host")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=timeout_seconds)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body=body, headers=headers)
        status: int = connection.getresponse().status
        return status
    finally:
        connection.close()
