"""How often one address, and one key, may ask, and how often Pandabase is asked.

Counted in the cache that workers share. What is counted are keyed hashes: no address and no key.
"""

from __future__ import annotations

import ipaddress
import math
import re
import time
from collections.abc import Mapping

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from pandabase_django.conf import conf
from pandabase_django.services.caching import unless_cache_fails

__all__ = [
    "CACHE_FAILS",
    "address_of",
    "seconds_left",
    "seconds_to_wait",
    "take_one",
]

SALT = "pandabase.licenses.throttle"
PREFIX = "pandabase:license:count:"
WINDOW_SECONDS = 60
CACHE_FAILS = -1
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+)\Z")
IPV6_PREFIX = 64  # what one customer of a provider gets: each of its addresses would count alone


def address_of(meta: Mapping[str, str]) -> str:
    """Who asks: the peer, or what the proxies say that ``LICENSE_TRUSTED_PROXIES`` counts.

    A client may send any ``X-Forwarded-For`` itself; each proxy adds what it has seen at the end.
    So of two trusted proxies the second entry from the end counts, and nothing before it.
    """
    peer = meta.get("REMOTE_ADDR", "")
    proxies = conf.license_trusted_proxies
    entries = [one.strip() for one in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if proxies and len(entries) >= proxies and entries[-proxies]:
        peer = entries[-proxies]
    return _network(peer)


def seconds_to_wait(address: str, key_digest: str) -> int:
    """Count one question; for how long the next one is not answered.

    Returns:
        0: it may be answered. ``CACHE_FAILS``: nobody counts.
    """
    for name, limit in (
        ("address:" + address, conf.license_checks_per_address),
        ("key:" + key_digest, conf.license_checks_per_key),
    ):
        count = take_one(name)
        if count == CACHE_FAILS:
            return CACHE_FAILS
        if count > limit:
            return seconds_left()
    return 0


def seconds_left(window_seconds: int = WINDOW_SECONDS) -> int:
    """Whole seconds until the window of this moment is over; never 0."""
    return math.ceil(window_seconds - time.time() % window_seconds)


def take_one(name: str, *, window_seconds: int = WINDOW_SECONDS) -> int:
    """How often this was counted in the window of this moment, this time included."""
    window = int(time.time() // window_seconds)
    # SHA-256, keyed: the cache may be read by others.
    digest = salted_hmac(SALT, f"{window}:{name}", algorithm="sha256").hexdigest()

    def count() -> int:
        cache = caches[conf.rate_limit_cache]
        cache.add(PREFIX + digest, 0, timeout=2 * window_seconds)
        return int(cache.incr(PREFIX + digest))

    return unless_cache_fails(count, CACHE_FAILS)


def _network(peer: str) -> str:
    # With a port some proxies write it, of which each connection has another one.
    with_port = _WITH_PORT.match(peer)
    peer = (with_port["v6"] or with_port["v4"]) if with_port else peer
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
