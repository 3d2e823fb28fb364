"""Where the vendor's checkout comes from, for a page that shows it. Source: P-42."""

from __future__ import annotations

from urllib.parse import urlsplit

from pandabase_django.models import Store
from pandabase_django.services.checkout.clients import public_base_url

__all__ = ["MODES", "script_address"]

MODES = ("modal", "drawer", "overlay", "inline")
SCRIPT = "https://secure.pandabase.io/v2/sdk.js"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def script_address(store: Store) -> str:
    """The script that shows checkouts: the vendor's, which may not be kept elsewhere.

    A store of a sandbox on this machine takes that sandbox's.

    Raises:
        ConfigurationError: ``PANDABASE["API_URL"]`` is no address.
    """
    base = public_base_url(store)
    return f"{base}/v2/sdk.js" if urlsplit(base).hostname in LOOPBACK else SCRIPT
