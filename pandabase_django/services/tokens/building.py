"""Builds clients by the settings: time-outs, rate limits, the way out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pandabase_django.api.auth import BearerAuth, HmacAuth, Revealable
from pandabase_django.api.client import Client
from pandabase_django.api.wire.egress import Egress
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.timeouts import RETRIES, RequestPolicy, Timeouts
from pandabase_django.api.wire.transport import Transport
from pandabase_django.conf import conf
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.holding import refuse_foreign, refuse_while_reading
from pandabase_django.services.tokens.rates import CacheRateState

__all__ = [
    "HURRIED",
    "auth_of",
    "build_client",
    "configured_egress",
    "configured_policy",
    "configured_timeouts",
    "limits_waited_for",
]

_longest_wait: ContextVar[float] = ContextVar("pandabase_longest_wait", default=math.inf)

HURRIED = RequestPolicy(
    timeouts=Timeouts(connect_seconds=5.0, read_seconds=10.0), retries=0, max_wait_seconds=0.0
)


def build_client(
    token: ApiToken,
    *,
    policy: RequestPolicy,
    declared: frozenset[str] = frozenset(),
    pool_size: int = 1,
    secret: Revealable | None = None,
    on_refused: Callable[[], BearerAuth | HmacAuth | None] = lambda: None,
) -> Client:
    """A client of a token as the row is; the token need not be saved.

    Args:
        token: Whose store, base URL and mode are used.
        policy: How long, and how often, a request is tried.
        declared: Its declared permissions.
        pool_size: Connections kept open.
        secret: Signs instead of the token's own secret.
        on_refused: See ``Client``.

    Raises:
        OtherEnvironment: The token is not to be used here.
    """
    refuse_foreign(token)
    transport = Transport(
        base_url=token.base_url,
        auth=auth_of(token, secret=secret or token.secret),
        limits=RateLimits(store_id=token.store_id, token_key=str(token.pk), state=CacheRateState()),
        policy=policy,
        pool_size=pool_size,
        egress=configured_egress(before_write=refuse_while_reading),
    )
    return Client(transport, declared_permissions=declared, on_refused=on_refused)


def auth_of(token: ApiToken, *, secret: Revealable) -> BearerAuth | HmacAuth:
    if token.mode == ApiToken.Mode.HMAC:
        return HmacAuth(token.token_id, secret)
    return BearerAuth(secret)


def configured_policy(
    *,
    timeouts: Timeouts | None = None,
    retries: int = RETRIES,
    max_wait_seconds: float | None = None,
) -> RequestPolicy:
    """How requests are tried; what is not given is as the settings say."""
    usual_wait = min(conf.max_rate_limit_wait_seconds, _longest_wait.get())
    return RequestPolicy(
        timeouts=timeouts or configured_timeouts(),
        retries=retries,
        max_wait_seconds=(usual_wait if max_wait_seconds is None else max_wait_seconds),
    )


@contextmanager
def limits_waited_for(seconds: float) -> Iterator[None]:
    """Clients that are built inside wait no longer than this for a limit.

    Where a worker has other work to do meanwhile, and comes back to this.
    """
    token = _longest_wait.set(seconds)
    try:
        yield
    finally:
        _longest_wait.reset(token)


def configured_egress(*, before_write: Callable[[], object]) -> Egress:
    """The way out that the settings name.

    Each transport takes it: this is the one place that holds back writes.

    Args:
        before_write: See ``Egress``. A client that sends in threads must not ask the database; one
            with a token need not, since none is built with a token that is not used here.
    """
    return Egress(
        proxies=conf.proxies,
        ca_bundle=conf.ca_bundle,
        before_write=before_write,
    )


def configured_timeouts() -> Timeouts:
    """Time-outs of the settings."""
    return Timeouts(
        connect_seconds=conf.connect_timeout_seconds, read_seconds=conf.read_timeout_seconds
    )
