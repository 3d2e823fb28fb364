"""One 429 keeps every worker of its scope from asking, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from pandabase_django.exceptions import RateLimited
from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.clients import client_for
from tests.connecting import connect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fact(29)]

SECONDS = 120  # longer than anybody waits here


@pytest.fixture
def shops() -> Iterator[tuple[Sandbox, ApiToken, ApiToken, Sandbox, ApiToken]]:
    """A store with two tokens, and another store at another remote."""
    cache.clear()
    with (
        Sandbox(seed=7, products=3, orders=3) as here,
        Sandbox(seed=8, products=3, orders=3) as there,
    ):
        yield here, _token(here), _token(here, bearer=True), there, _token(there)
    cache.clear()


def _token(sandbox: Sandbox, *, bearer: bool = False) -> ApiToken:
    token = sandbox.bearer_token if bearer else sandbox.hmac_token
    return connect(sandbox, token)


def _asks(token: ApiToken, sandbox: Sandbox) -> bool:
    """Whether a worker of its own sends a request; one that is blocked knows for how long."""
    before = sandbox.requests_served
    try:
        with client_for(token) as client:
            client.orders.list(limit=1)
    except RateLimited as error:
        return not SECONDS - 10 < (error.retry_after_seconds or 0) <= SECONDS
    return sandbox.requests_served > before


@pytest.mark.parametrize(
    ("limit_type", "asking"),
    [
        ("AccountResource", [False, True, True]),
        ("StoreResource", [False, False, True]),
        ("GlobalResource", [False, False, False]),
        ("Unheard", [False, True, True]),
    ],
)
def test_a_429_blocks_the_scope_it_names(
    shops: tuple[Sandbox, ApiToken, ApiToken, Sandbox, ApiToken],
    limit_type: str,
    asking: list[bool],
) -> None:
    here, token, sibling, there, other = shops
    headers = {"X-RateLimit-Type": limit_type}
    args = {"status": 429, "retry_after_seconds": SECONDS, "headers": headers}
    here.fault([{"match": {}, "times": 1, "action": "status", "args": args}])
    with client_for(token) as client, pytest.raises(RateLimited):
        client.orders.list(limit=1)
    assert [_asks(token, here), _asks(sibling, here), _asks(other, there)] == asking
