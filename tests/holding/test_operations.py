"""READ_ONLY is asked by every client that this app makes, for every operation there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import responses

import pandabase_django
from pandabase_django.api.operations import PUBLIC_OPERATIONS, Operation
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import ConfigurationError, ReadOnly
from pandabase_django.models import ApiToken
from pandabase_django.services import client_for
from pandabase_django.services.checkout.clients import public_client_for
from pandabase_django.services.tokens.clients import open_client
from pandabase_django.services.tokens.connection import add_token
from tests.api.wire.test_writes_held_back import READS, WRITES

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> ApiToken:
    return add_token(
        store_id="shp_1",
        mode="HMAC",
        token_id="stk_1",
        secret=Secret("sk_test_1"),
        base_url="https://api.example.com",
        test=False,
    )


@pytest.fixture
def remote() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            mock.add(
                method,
                re.compile(r"https://api\.example\.com/"),
                json={"ok": True, "data": {}},
                headers={"X-Request-ID": "req_1"},
            )
        yield mock


def ask(token: ApiToken, op: Operation) -> None:
    names = set(re.findall(r"{(\w+)}", op.path)) - {"store_id"}
    params = dict.fromkeys(names, "x_1")
    public = op.name in PUBLIC_OPERATIONS
    with public_client_for(token.store) if public else client_for(token.store) as client:
        client.request(op, params=params, body=None if op.method == "GET" else {"a": 1})


@pytest.mark.parametrize("op", WRITES, ids=lambda op: op.name)
def test_no_write_leaves(
    op: Operation, token: ApiToken, remote: Any, deploy: Callable[..., None]
) -> None:
    ask(token, op)
    assert len(remote.calls) == 1
    deploy(READ_ONLY=True)
    with pytest.raises(ReadOnly, match="READ_ONLY is set"):
        ask(token, op)
    assert len(remote.calls) == 1


@pytest.mark.parametrize("op", READS, ids=lambda op: op.name)
def test_reads_pass(
    op: Operation, token: ApiToken, remote: Any, deploy: Callable[..., None]
) -> None:
    deploy(READ_ONLY=True)
    ask(token, op)
    assert len(remote.calls) == 1


def test_no_secret_is_rolled(token: ApiToken, remote: Any, deploy: Callable[..., None]) -> None:
    deploy(READ_ONLY=True)
    with open_client(token) as client, pytest.raises(ReadOnly):
        client.roll_secret("stk_1")
    assert len(remote.calls) == 0


def test_a_setting_that_is_neither_lets_nothing_through(
    token: ApiToken, remote: Any, deploy: Callable[..., None]
) -> None:
    """ "false" of an environment variable is a text, and a text is true."""
    deploy(READ_ONLY="false")
    with pytest.raises(ConfigurationError, match="must be True or False"):
        ask(token, WRITES[0])
    assert len(remote.calls) == 0


def test_no_transport_goes_another_way() -> None:
    """Whoever sends asks first: each transport of this app takes the configured way out."""
    root = Path(pandabase_django.__file__).parent
    made = [
        ast.unparse(call)
        for path in root.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Transport"
    ]
    assert len(made) == 2
    assert all("egress=configured_egress(before_write=" in call for call in made)


def test_threads_ask_no_database(
    token: ApiToken,
    remote: Any,
    deploy: Callable[..., None],
    django_assert_num_queries: Any,
) -> None:
    """A thread that sends has no connection, and must not open one."""
    body = {"subscription_id": "sub_1", "events": []}
    for read_only in (False, True):
        deploy(READ_ONLY=read_only)
        with open_client(token) as client, django_assert_num_queries(0), suppress(ReadOnly):
            client.request("usage_record", body=body)
    assert len(remote.calls) == 1
