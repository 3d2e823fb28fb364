"""Which answers make a token suspect, and which make it well again."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, PandabaseError, SecretMoved
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.rotation import install_secret
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.clients import open_client
from pandabase_django.services.tokens.connection import test_connection as try_connection
from tests.connecting import connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(token: ApiToken) -> Any:
    """The token of another store, at another remote."""
    with Sandbox(seed=11, products=3, orders=3) as remote:
        yield connect(remote)


def refuse(sandbox: Sandbox, *, times: int = 1) -> None:
    rule = {"match": {"method": "GET"}, "action": "status", "args": {"status": 401}}
    sandbox.fault([{**rule, "times": times}])


def health(token: ApiToken) -> str:
    return str(ApiToken.objects.get(pk=token.pk).health)


def suspect(token: ApiToken, sandbox: Sandbox) -> None:
    refuse(sandbox)
    with pytest.raises(InvalidCredential), client_for(token) as client:
        client.products.list(limit=1)
    assert health(token) == "SUSPECT"


def test_a_401_of_a_moment_is_forgotten_with_the_next_good_answer(
    token: ApiToken, sandbox: Sandbox
) -> None:
    suspect(token, sandbox)
    run = sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND).run
    assert (run.state, health(token)) == ("COMPLETED", "OK")
    assert ApiToken.objects.get(pk=token.pk).health_reason == ""
    assert not [f for f in attention(Situation()) if f.code.startswith("token")]


def test_the_same_holds_for_a_row_that_was_read_before(token: ApiToken, sandbox: Sandbox) -> None:
    suspect(token, sandbox)
    with client_for(token) as client:
        client.orders.list(limit=1)
    assert health(token) == "OK"


@pytest.mark.parametrize("answer", ["status", "html", "reset", "nothing asked"])
def test_what_is_no_good_answer_leaves_it_suspect(
    token: ApiToken, sandbox: Sandbox, answer: str
) -> None:
    suspect(token, sandbox)
    if answer != "nothing asked":
        sandbox.fault([{"match": {"method": "GET"}, "times": 0, "action": answer}])
    with client_for(token, hurried=True) as client:
        if answer != "nothing asked":
            with pytest.raises(PandabaseError):
                client.products.list(limit=1)
    assert health(token) == "SUSPECT"


@pytest.mark.parametrize("found", ["SUSPECT", "OK"])
def test_a_test_that_gets_no_answer_goes_by_what_calls_have_shown_meanwhile(
    token: ApiToken, sandbox: Sandbox, found: str
) -> None:
    suspect(token, sandbox)
    before = ApiToken.objects.get(pk=token.pk)
    before.health = "OK" if found == "SUSPECT" else "SUSPECT"
    ApiToken.objects.filter(pk=token.pk).update(health=found)
    sandbox.fault([{"match": {"method": "GET"}, "times": 0, "action": "reset"}])
    assert not try_connection(before).ok
    assert health(token) == ("SUSPECT" if found == "SUSPECT" else "FAILED")


def test_a_good_answer_before_the_401_proves_nothing(token: ApiToken, sandbox: Sandbox) -> None:
    with pytest.raises(InvalidCredential), client_for(token) as client:  # noqa: PT012
        client.products.list(limit=1)
        refuse(sandbox)
        client.products.list(limit=1)
    assert health(token) == "SUSPECT"


def test_a_good_answer_to_the_old_secret_says_nothing_of_the_new_one(
    token: ApiToken, sandbox: Sandbox
) -> None:
    with client_for(token) as client:
        client.products.list(limit=1)
        row = ApiToken.objects.get(pk=token.pk)
        row.secret, row.secret_version = Secret("sk_test_dead"), 2
        row.health = ApiToken.Health.SUSPECT
        row.save()
    assert health(token) == "SUSPECT"


def test_an_open_rotation_that_was_sent_may_have_killed_it_since(
    token: ApiToken, sandbox: Sandbox
) -> None:
    with client_for(token) as client:
        client.products.list(limit=1)
        now = timezone.now()
        RotationAttempt.objects.create(
            token=token,
            state="LOST",
            trigger="ADMIN",
            reason="x",
            from_version=1,
            prepared_at=now,
            sent_at=now,
        )
        ApiToken.objects.filter(pk=token.pk).update(health="SUSPECT")
    assert health(token) == "SUSPECT"


def test_it_costs_one_query_a_client_and_none_a_request(token: ApiToken) -> None:
    def queries(calls: int) -> int:
        with CaptureQueriesContext(connection) as captured, client_for(token) as client:
            for _ in range(calls):
                client.products.list(limit=1)
        return len(captured)

    queries(1)
    assert queries(5) == queries(1)


@pytest.mark.parametrize("inner_first", [True, False])
def test_of_two_nested_clients_the_refused_one_alone_is_judged(
    token: ApiToken, other: ApiToken, sandbox: Sandbox, inner_first: bool
) -> None:
    refuse(sandbox, times=0)
    well, refused = other, token
    outer, inner = (well, refused) if inner_first else (refused, well)
    with pytest.raises(InvalidCredential), client_for(outer.store) as a:  # noqa: SIM117
        with client_for(inner.store) as b:
            (b if inner_first else a).products.list(limit=1)
    assert (health(well), health(refused)) == ("OK", "SUSPECT")


def test_two_clients_of_one_store_judge_it_once(token: ApiToken, sandbox: Sandbox) -> None:
    refuse(sandbox, times=0)
    with pytest.raises(InvalidCredential), client_for(token.store), client_for(token.store) as b:
        b.products.list(limit=1)
    assert health(token) == "SUSPECT"


@pytest.mark.parametrize("how", ["raised", "bare client", "install", "closed client", "pickled"])
def test_a_401_of_somebody_else_judges_nothing(
    token: ApiToken, other: ApiToken, sandbox: Sandbox, how: str
) -> None:
    def refused() -> None:
        if how == "raised":
            raise InvalidCredential("of another service", status=401)
        if how == "install":
            install_secret(token, secret=Secret("sk_test_wrong"), reason="x")
        if how == "bare client":
            refuse(sandbox)
            with open_client(token) as client:
                client.products.list(limit=1)
        refuse(sandbox)
        try:
            with client_for(token) as client:
                client.products.list(limit=1)
        except InvalidCredential as error:
            raise (pickle.loads(pickle.dumps(error)) if how == "pickled" else error) from None

    with pytest.raises(InvalidCredential), client_for(other) as client:  # noqa: PT012
        client.products.list(limit=1)
        refused()
    assert health(other) == "OK"


def test_a_401_to_a_secret_that_was_left_behind_does_not_judge_the_one_in_use(
    token: ApiToken, sandbox: Sandbox
) -> None:
    with pytest.raises(SecretMoved), client_for(token) as client:  # noqa: PT012
        refuse(sandbox, times=2)
        row = ApiToken.objects.get(pk=token.pk)
        with open_client(row) as rolling:
            secret = json.loads(rolling.roll_secret(row.token_id).body)["data"]["secret"]
        sandbox.clear_faults()
        client._on_refused, ask = (lambda: None), client._on_refused
        try:
            client.products.list(limit=1)
        except InvalidCredential as error:
            left_behind = error
        client._on_refused = ask
        row.secret, row.secret_version = Secret(secret), 2
        row.save()
        client.products.list(limit=1)
        raise left_behind
    assert health(token) == "OK"


def test_a_test_that_fails_on_the_way_is_not_shown_as_ok(token: ApiToken, sandbox: Sandbox) -> None:
    sandbox.fault([{"match": {"method": "GET"}, "times": 0, "action": "status"}])
    assert not try_connection(token).ok
    assert (token.health, token.get_health_display()) == ("FAILED", "Test failed")
    assert "HTTP 500" in token.health_reason
    (finding,) = (f for f in attention(Situation()) if f.code.startswith("token"))
    assert (finding.code, finding.level.value) == ("token_test_failed", "warning")
    sandbox.clear_faults()
    with client_for(token) as client:
        client.products.list(limit=1)
    assert health(token) == "OK"


def test_a_test_that_fails_on_the_way_leaves_a_suspect_token_suspect(
    token: ApiToken, sandbox: Sandbox
) -> None:
    suspect(token, sandbox)
    sandbox.fault([{"match": {"method": "GET"}, "times": 0, "action": "reset"}])
    token.refresh_from_db()
    assert not try_connection(token).ok
    assert token.health == "SUSPECT"
