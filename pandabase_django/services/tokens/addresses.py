"""What the address of a token says: whether its store is live, and whether people may name it.

Whoever answers at the address of a store's active token says which orders are paid, and where
buyers pay. The admin asks, for people. Commands and code that call ``add_token`` vouch for theirs.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from django.http.request import validate_host
from django.utils.translation import gettext as _

from pandabase_django.api.base_url import is_loopback, normalise_base_url
from pandabase_django.conf import conf
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.tokens.roles import active_token

__all__ = ["check_api_address", "mark_of", "refuse_other_mark"]

LIVE_HOST = "api.pandabase.io"
TEST_HOST = "api.sandbox.pandabase.io"


def mark_of(base_url: str) -> str:
    """The mark of a store whose first token is used at an address; "" when that shows nothing.

    Source: P-44.
    """
    host = urlsplit(base_url).hostname or ""
    if host == LIVE_HOST:
        return Store.Mark.LIVE
    return Store.Mark.TEST if host == TEST_HOST or is_loopback(host) else ""


def refuse_other_mark(store_id: str, base_url: str) -> None:
    """Refuse a token whose address is of the other kind than its store.

    A store that has a token at this address keeps it: a second store at Pandabase's live address,
    which a person has marked as a test, is no mistake.

    Raises:
        ValueError: The address is of the other kind; the message says what to do.
    """
    store = Store.objects.filter(pk=store_id).first()
    shown = mark_of(base_url)
    if store is None or not shown or store.mark in ("", shown):
        return
    if ApiToken.objects.filter(store=store_id, base_url=base_url).exists():
        return
    raise ValueError(
        f"{store_id} is marked as {store.mark.lower()}, and {base_url} is a {shown.lower()} "
        "address. If that is no mistake, change the mark on the store's page first."
    )


def check_api_address(base_url: str, *, store_id: str) -> None:
    """Refuse an address that a person may not have a store called at.

    People may name Pandabase's own hosts, that of ``PANDABASE["API_URL"]``, those of
    ``PANDABASE["API_HOSTS"]``, and this machine: who answers there has more rights than they have.
    A live store stays at live addresses, at that of ``API_URL`` unless it is a test's, or where it
    is called already.

    Raises:
        ValueError: It is malformed, or may not be named; says what it would have to be.
    """
    address = normalise_base_url(base_url)
    host = urlsplit(address).hostname or ""
    if not _may_be_named(host):
        raise ValueError(
            _(
                "%(host)s is not known as an address of Pandabase here. If it is one, name it in "
                'PANDABASE["API_HOSTS"].'
            )
            % {"host": host}
        )
    is_live = Store.objects.filter(pk=store_id, mark=Store.Mark.LIVE).exists()
    shown = mark_of(address)
    if not is_live or shown == Store.Mark.LIVE or (not shown and address == _own_address()):
        return
    active = active_token(store_id)
    if active is None or active.base_url != address:
        raise ValueError(
            _(
                "%(store)s is marked as live, and %(address)s is not known as a live address. If "
                "that is no mistake, change the mark on the store's page first."
            )
            % {"store": store_id, "address": address}
        )


def _own_address() -> str:
    """``API_URL``; "" where it is no address, which pandabase.E004 reports."""
    with suppress(ValueError):
        return normalise_base_url(conf.api_url)
    return ""


def _may_be_named(host: str) -> bool:
    own = urlsplit(_own_address()).hostname or ""
    known = [LIVE_HOST, TEST_HOST, *conf.api_hosts]
    return host == own or is_loopback(host) or validate_host(host, known)
