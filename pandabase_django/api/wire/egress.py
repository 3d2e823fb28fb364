"""How requests leave this machine, which authorities they trust, and which must not leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pandabase_django.api.base_url import is_loopback

__all__ = ["Egress", "host_and_port"]

_PORTS: Mapping[str, int] = {"https": 443}


@dataclass(frozen=True, slots=True)
class Egress:
    """The way out. Nothing of the environment counts: no ``HTTPS_PROXY``, no ``.netrc``.

    Attributes:
        proxies: URL of a proxy by the scheme of what is asked; it may hold a password.
        ca_bundle: File or folder with the authorities to trust; None trusts those of ``certifi``.
        before_write: Called before each request that may change something; what it raises is
            raised, and nothing is sent.
    """

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: str | None = None
    before_write: Callable[[], object] = field(default=lambda: None, repr=False, compare=False)

    def proxy_for(self, base_url: str) -> str:
        """URL of the proxy to take; "" for none.

        Plain http goes to this machine alone and is signed in clear, so it takes only a proxy that
        is here too.
        """
        scheme = urlsplit(base_url).scheme
        proxy = self.proxies.get(scheme, "")
        if scheme == "http" and not is_loopback(urlsplit(proxy).hostname or ""):
            return ""
        return proxy


def host_and_port(url: str) -> tuple[str, int]:
    """Of a URL, without its user and password."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
