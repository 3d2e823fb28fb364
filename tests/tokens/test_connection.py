"""Adding, testing and switching tokens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    ConfigurationError,
    ForeignAnswer,
    InvalidCredential,
    MissingPermission,
    ObjectNotFound,
    ProtocolError,
    Tampered,
    TransportError,
)
from pandabase_django.models import ApiToken, Store, SyncRun, TokenPermission
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import (
    activate_token,
    declare_permissions,
    retire_token,
    test_connection,
)
from pandabase_django.services.tokens.diagnosis import diagnose
from pandabase_django.services.tokens.permissions import verify_permissions
from tests.connecting import connect

pytestmark = pytest.mark.django_db

test_connection.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=5, products=12, orders=30) as running:
        yield running


def test_the_first_token_is_active_and_the_next_stands_by(sandbox: Sandbox) -> None:
    first = connect(sandbox)
    second = connect(sandbox, sandbox.bearer_token, mode="bearer", token_id="")
    assert (first.role, second.role) == ("ACTIVE", "STANDBY")
    assert (first.health, first.store.title) == ("OK", "Sandbox Store")
    assert str(first.secret) == f"••••{sandbox.hmac_token.secret[-4:]}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"store_id": "shop"}, "store id"),
        ({"store_id": "shp_a/../b"}, "store id"),
        ({"token_id": ""}, "needs its token id"),
        ({"token_id": "tok_1"}, "token id"),
        ({"mode": "basic"}, "mode"),
        ({"secret": Secret("sk_with space")}, "secret"),
        ({"secret": Secret("sk_line\n")}, "secret"),
        ({"secret": Secret("pk_other")}, "secret"),
        ({"secret": Secret("")}, "secret"),
        ({"base_url": "http://api.pandabase.io"}, "https"),
        ({"base_url": "https://user:pw@api.pandabase.io"}, "base URL"),
        ({"base_url": "https://api.pandabase.io/v2"}, "base URL"),
        ({"permissions": ["orders read"]}, "permission"),
        ({"name": "x" * 201}, "200"),
    ],
)
def test_malformed_input_is_refused_in_clear_words_and_nothing_is_kept(
    sandbox: Sandbox, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        connect(sandbox, **changes)
    assert not Store.objects.exists()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"secret": Secret("sk_test_this_is_not_the_secret")}, InvalidCredential),
        ({"token_id": "stk_unknown"}, InvalidCredential),
        ({"base_url": "http://127.0.0.1:9"}, TransportError),
    ],
)
def test_a_credential_that_does_not_work_is_not_kept(
    sandbox: Sandbox, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        connect(sandbox, **changes)
    assert not Store.objects.exists()
    assert not ApiToken.objects.exists()


def test_a_store_id_that_is_not_the_tokens_own_is_not_kept(sandbox: Sandbox) -> None:
    with pytest.raises((ObjectNotFound, InvalidCredential, MissingPermission)):
        connect(sandbox, store_id="shp_somebodyelse")
    assert not Store.objects.exists()


def test_a_server_that_is_no_store_api_is_named_as_such(sandbox: Sandbox) -> None:
    sandbox.fault([{"match": {"method": "GET"}, "times": 0, "action": "html"}])
    try:
        with pytest.raises(ProtocolError, match="Is this the address of the Store API"):
            connect(sandbox)
    finally:
        sandbox.clear_faults()


def test_a_token_without_store_read_is_a_good_credential(sandbox: Sandbox) -> None:
    added = connect(sandbox, sandbox.add_token(permissions=["PRODUCTS_READ"]))
    report = test_connection(added)
    assert (report.ok, report.status) == (True, 403)
    assert added.health == "OK"


def test_a_revoked_token_is_reported_and_suspect(sandbox: Sandbox) -> None:
    token = sandbox.add_token()
    added = connect(sandbox, token)
    sandbox.revoke_token(token.token_id)
    report = test_connection(added)
    assert (report.ok, report.status, bool(report.request_id)) == (False, 401, True)
    added.refresh_from_db()
    assert added.health == "SUSPECT"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("foreign", [{"body": "<h1>Denied</h1>"}, {"body": {"message": "no"}}])
def test_a_page_of_something_on_the_way_judges_no_token(
    sandbox: Sandbox, status: int, foreign: dict[str, Any]
) -> None:
    added = connect(sandbox)
    sandbox.fault([{"times": 0, "action": "status", "args": {"status": status, **foreign}}])
    try:
        report = test_connection(added)
        assert (report.ok, report.refused, report.status) == (False, False, status)
        with pytest.raises(ForeignAnswer), client_for(added.store) as client:
            client.products.list()
        run = sync_resource(added.store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
        assert run.state == "FAILED"  # not SKIPPED, as for a permission that is missing
        lines = {line.title: line for line in diagnose(added).lines}
        assert lines["Authentication"].ok is False
        assert "a proxy, a firewall" in lines["Authentication"].sentence
        verified = verify_permissions(added)
        assert (verified.granted, verified.denied, verified.error) == ((), (), "")
    finally:
        sandbox.clear_faults()
    added.refresh_from_db()
    assert added.health == "FAILED"  # the test, and not the credential
    observed = set(added.permissions.values_list("code", "observed"))
    assert observed == {("STORE_READ", "GRANTED")}


def test_a_permission_that_is_not_declared_is_refused_without_a_request(sandbox: Sandbox) -> None:
    added = connect(sandbox, permissions=["PRODUCTS_READ"])
    before = sandbox.requests_served
    with client_for(added.store) as client, pytest.raises(MissingPermission) as caught:
        client.orders.list()
    assert (caught.value.codes, caught.value.sent) == (("ORDERS_READ",), False)
    assert sandbox.requests_served == before


def test_what_calls_show_is_kept_beside_what_is_declared(sandbox: Sandbox) -> None:
    token = sandbox.add_token(permissions=["PRODUCTS_READ"])
    added = connect(sandbox, token)
    with client_for(added) as client:
        client.products.list(limit=1)
        with pytest.raises(MissingPermission):
            client.orders.list(limit=1)
    declare_permissions(added, ["PRODUCTS_READ", "ORDERS_READ", "NEW_THING_READ"])
    rows = {p.code: (p.declared, p.observed) for p in TokenPermission.objects.filter(token=added)}
    assert rows["PRODUCTS_READ"] == (True, "GRANTED")
    assert rows["ORDERS_READ"] == (True, "DENIED")
    assert rows["NEW_THING_READ"] == (True, "UNKNOWN")
    declare_permissions(added, [])
    rows = {p.code: (p.declared, p.observed) for p in TokenPermission.objects.filter(token=added)}
    assert rows["ORDERS_READ"] == (False, "DENIED")


def test_a_store_has_one_active_token_through_every_switch(sandbox: Sandbox) -> None:
    first, second = connect(sandbox), connect(sandbox, sandbox.add_token())
    activate_token(second)
    first.refresh_from_db()
    assert (first.role, second.role) == ("STANDBY", "ACTIVE")
    retire_token(second)
    with pytest.raises(ConfigurationError, match="no active token"), client_for(first.store):
        pass
    with pytest.raises(ConfigurationError, match="retired"), client_for(second):
        pass


def test_a_row_copied_to_another_store_or_url_can_not_be_used(sandbox: Sandbox) -> None:
    added = connect(sandbox)
    ApiToken.objects.filter(pk=added.pk).update(base_url="https://attacker.example")
    with pytest.raises(Tampered):
        ApiToken.objects.get(pk=added.pk).secret.reveal()
    added.id = uuid.uuid4()
    with pytest.raises(Tampered):
        added.save(force_insert=True)


def test_a_shop_reads_products_as_the_readme_shows(sandbox: Sandbox) -> None:
    store = connect(sandbox).store
    with client_for(store) as client:
        active = list(client.products.iterate(status="ACTIVE"))
    assert active
    assert {product.status for product in active} == {"ACTIVE"}


@pytest.mark.parametrize("part", ["status", "header", "chunk_size", "trailer", "continue"])
def test_a_remote_that_drips_holds_a_client_no_longer_than_its_time_outs(
    sandbox: Sandbox, settings: Any, part: str
) -> None:
    added = connect(sandbox)
    settings.PANDABASE = {
        **settings.PANDABASE,
        "CONNECT_TIMEOUT_SECONDS": 0.2,
        "READ_TIMEOUT_SECONDS": 0.3,
    }
    sandbox.fault([{"action": "drip_head", "args": {"part": part}, "times": 0}])
    try:
        began = time.monotonic()
        with pytest.raises(TransportError), client_for(added) as client:
            client.products.create({"title": "x"})
        assert time.monotonic() - began < 20
    finally:
        sandbox.clear_faults()
