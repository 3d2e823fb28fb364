"""Clients of the public APIs, which ask for no token."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pandabase_django.api.auth import NoAuth
from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.public import PublicClient
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.transport import Transport
from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import Store
from pandabase_django.services.tokens.building import (
    HURRIED,
    configured_egress,
    configured_policy,
)
from pandabase_django.services.tokens.holding import refuse_write
from pandabase_django.services.tokens.rates import CacheRateState, public_key
from pandabase_django.services.tokens.roles import active_token

__all__ = ["public_base_url", "public_client_for"]

# This address may have many clients that share its limit; a buyer rather waits than is sent away.
LIMIT_WAIT_SECONDS = 3.0


def public_client_for(store: Store, *, hurried: bool = True) -> PublicClient:
    """A client of a store's public APIs; use it as a context manager.

    It needs no token, and sends none. Of the rate limits that other clients met, that of this
    address is kept to as well (Source: P-29). What a store's syncs have used up is no reason not to
    ask for a buyer: only answers to public calls say what those may do.

    Args:
        store: The store.
        hurried: A person waits for the page: short time-outs, no second try, no long wait for a
            limit.

    Raises:
        ConfigurationError: The store is disabled here, or ``PANDABASE["API_URL"]`` is no address.
    """
    if not store.enabled:
        raise ConfigurationError(
            f"Store {store.pk} is disabled here. Enable it in the admin to sell with it."
        )
    key = public_key(store.pk)
    return PublicClient(
        Transport(
            base_url=public_base_url(store),
            auth=NoAuth(),
            limits=RateLimits(
                store_id=store.pk, token_key=key, store_key=key, state=CacheRateState()
            ),
            policy=replace(HURRIED, max_wait_seconds=LIMIT_WAIT_SECONDS)
            if hurried
            else configured_policy(),
            pool_size=1,
            egress=configured_egress(before_write=partial(refuse_write, store.pk)),
        )
    )


def public_base_url(store: Store) -> str:
    """Where a store's public APIs are: where its active token is used, or as the settings say.

    Raises:
        ConfigurationError: It has no active token, and ``PANDABASE["API_URL"]`` is no address.
    """
    token = active_token(store.pk)
    try:
        return normalise_base_url(conf.api_url if token is None else token.base_url)
    except ValueError as error:
        raise ConfigurationError(f"PANDABASE['API_URL']: {error}") from None
