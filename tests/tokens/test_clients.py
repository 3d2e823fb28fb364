"""What a 401 means to whoever owns the client, and what the rotation of a secret costs a worker."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, SecretMoved
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync.runs import Caller, sync_resource
from pandabase_django.services.tokens.clients import open_client
from pandabase_django.services.tokens.connection import activate_token
from tests.connecting import connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 4, "products": 40, "orders": 330}


def roll(token: ApiToken, *, store: bool = True) -> None:
    """Roll as another process would, and store the new secret."""
    row = ApiToken.objects.get(pk=token.pk)
    with open_client(row) as client:
        body = json.loads(client.roll_secret(row.token_id).body)
    if store:
        row.secret = Secret(body["data"]["secret"])
        row.secret_version += 1
        row.save()


def refusals(sandbox: Sandbox) -> int:
    return sum(entry["status"] == 401 for entry in sandbox.requests())


def test_a_call_after_somebody_rotated_the_secret_is_sent_once_more(
    token: ApiToken, sandbox: Sandbox
) -> None:
    with client_for(token.store) as client:
        client.products.list(limit=1)
        roll(token)
        client.products.list(limit=1)
        client.products.list(limit=1)
    assert refusals(sandbox) == 1
    token.refresh_from_db()
    assert token.health == "OK"


def test_a_call_goes_on_with_the_token_that_is_active_now(
    token: ApiToken, sandbox: Sandbox
) -> None:
    standby = connect(sandbox, sandbox.add_token())
    with client_for(token.store) as client:
        client.products.list(limit=1)
        activate_token(standby)
        sandbox.revoke_token(token.token_id)
        client.orders.list(limit=1)
    codes = {row.code for row in standby.permissions.filter(observed="GRANTED")}
    assert codes == {"STORE_READ", "ORDERS_READ"}
    assert "PRODUCTS_READ" in {row.code for row in token.permissions.filter(observed="GRANTED")}


def test_a_client_of_one_token_never_turns_to_another(token: ApiToken, sandbox: Sandbox) -> None:
    activate_token(connect(sandbox, sandbox.add_token()))
    sandbox.revoke_token(token.token_id)
    with pytest.raises(InvalidCredential), client_for(token) as client:
        client.products.list(limit=1)


def test_a_refused_token_that_nobody_replaces_is_suspect(token: ApiToken, sandbox: Sandbox) -> None:
    roll(token, store=False)
    with pytest.raises(InvalidCredential), client_for(token.store) as client:
        client.products.list(limit=1)
    assert refusals(sandbox) == 1
    token.refresh_from_db()
    assert (token.health, "HTTP 401" in token.health_reason) == ("SUSPECT", True)


def test_a_refused_token_whose_rotation_is_undecided_is_called_again_later(
    token: ApiToken, sandbox: Sandbox
) -> None:
    RotationAttempt.objects.create(
        token=token,
        state="WATCHING",
        trigger="ADMIN",
        reason="test",
        from_version=1,
        prepared_at=timezone.now(),
    )
    roll(token, store=False)
    with pytest.raises(SecretMoved) as caught, client_for(token.store) as client:
        client.products.list(limit=1)
    assert (caught.value.retryable, caught.value.retry_after_seconds) == (True, 60.0)
    token.refresh_from_db()
    assert token.health == "OK"


def test_a_secret_stored_between_two_looks_is_found(token: ApiToken, sandbox: Sandbox) -> None:
    attempt = RotationAttempt.objects.create(
        token=token,
        state="VERIFIED",
        trigger="ADMIN",
        reason="test",
        from_version=1,
        prepared_at=timezone.now(),
    )
    row = ApiToken.objects.get(pk=token.pk)
    looks: list[str] = []

    def swap_after_the_first_look(execute: Any, sql: str, *arguments: Any) -> Any:
        found = execute(sql, *arguments)
        if sql.startswith("SELECT") and refusals(sandbox):
            looks.append(sql)
            if len(looks) == 1:
                row.secret_version = 2
                row.secret = Secret(sandbox.secret_of(token.token_id))
                row.save()
                RotationAttempt.objects.filter(pk=attempt.pk).update(
                    state="DONE", closed_at=timezone.now()
                )
        return found

    roll(token, store=False)
    with client_for(token.store) as client, connection.execute_wrapper(swap_after_the_first_look):
        client.products.list(limit=1)
    assert len(looks) >= 2
    assert refusals(sandbox) == 1


def test_a_thread_hands_its_401_to_the_owner_and_asks_no_database(token: ApiToken) -> None:
    caught: list[BaseException] = []

    def call() -> None:
        try:
            client.products.list(limit=1)
        except InvalidCredential as error:
            caught.append(error)

    with client_for(token.store) as client:
        roll(token)
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        (error,) = caught
        assert isinstance(error, InvalidCredential)
        assert client.renew(error)
        client.products.list(limit=1)


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_sync_whose_secret_is_rotated_goes_on_with_one_retry_for_each_request(
    token: ApiToken, sandbox: Sandbox, resource: str
) -> None:
    rolled: list[int] = []

    def roll_in_the_middle(run: SyncRun) -> None:
        if run.rows_created and not rolled:
            rolled.append(1)
            roll(token)

    result = sync_resource(
        token.store,
        resource=resource,
        trigger=SyncRun.Trigger.COMMAND,
        caller=Caller(on_progress=roll_in_the_middle),
    )
    assert rolled
    assert (result.error, result.run.state) == (None, "COMPLETED")
    refused = [
        (entry["path"], entry["query"]) for entry in sandbox.requests() if entry["status"] == 401
    ]
    assert refused
    assert len(refused) == len(set(refused))


def test_a_forgotten_with_is_named(sandbox: Sandbox) -> None:
    store = connect(sandbox).store
    with pytest.raises(AttributeError, match=r"with client_for\(store\) as client"):
        client_for(store).products  # type: ignore[attr-defined]  # noqa: B018
    with client_for(store) as client:
        assert client.products.list().total > 0
    with pytest.raises(RuntimeError, match="closed"):
        client.products.list()
