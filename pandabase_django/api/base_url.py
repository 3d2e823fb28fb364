"""Where requests may go: https, or http to this machine."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_loopback", "normalise_base_url"]

# A name, an IPv4 or an IPv6 address. People copy it into commands, so it may hold nothing else.
_HOST = re.compile(r"\w[\w.-]*|[0-9a-f:.]*:[0-9a-f:.]*")


def normalise_base_url(text: str) -> str:
    """A base URL without path, in one spelling.

    Plain http is refused but for the loopback: credentials must not cross a network in clear
    (Source: P-03).

    Raises:
        ValueError: It is not an https URL of a host.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("The base URL is malformed.") from None
    if not host or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("The base URL is a scheme and a host, such as https://api.pandabase.io.")
    if not _HOST.fullmatch(host):
        raise ValueError("The base URL names no host.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("The base URL must start with https:// (http only on this machine).")
    shown = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != default else "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
