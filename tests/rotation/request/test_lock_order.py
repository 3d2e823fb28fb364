"""Whoever locks a token and its rotations locks the token first: no two wait for each other."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    install_from_held,
    install_secret,
    request_due_rotations,
    request_rotation,
    run_rotation,
)
from pandabase_django.services.rotation.context import Answer, StoreWire
from pandabase_django.services.rotation.judge import settle
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.tokens.clients import open_client
from pandabase_django.services.tokens.connection import activate_token, retire_token
from tests.connecting import connect
from tests.rotation.conftest import ROLL, in_use, rolls

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL"),
]

State = RotationAttempt.State


def slowly(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    """Long enough behind every lock that somebody else takes his."""
    result = execute(sql, *arguments)
    if connection.in_atomic_block and (sql.startswith("UPDATE") or "FOR " in sql[-30:]):
        time.sleep(0.15)
    return result


def at_once(*calls: Callable[[], Any]) -> list[BaseException]:
    """Run each in a thread and a connection of its own; what went wrong but for our own errors."""
    together = threading.Barrier(len(calls))
    wrong: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            with connection.execute_wrapper(slowly), suppress(PandabaseError):
                together.wait()
                call()
        except Exception as error:  # noqa: BLE001  such as a deadlock
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def roll_in_the_dashboard(token: ApiToken) -> Secret:
    with open_client(token) as client:
        return Secret(json.loads(client.roll_secret(token.token_id).body)["data"]["secret"])


def needy(token: ApiToken, signer: ApiToken, state: str, secret: Secret) -> RotationAttempt:
    body = json.dumps({"data": {"odd": {"place": secret.reveal()}}}).encode()
    return RotationAttempt.objects.create(
        token=token,
        signer=signer,
        state=state,
        trigger="COMMAND",
        reason="yearly",
        from_version=1,
        prepared_at=timezone.now(),
        sent_at=timezone.now(),
        reply=packed(RawReply(200, "req_1", body)) if state == State.HELD else None,
    )


ACTS = ("request", "lead on", "install", "held", "retire", "activate")


@pytest.mark.parametrize("state", [State.LOST, State.HELD])
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(ACTS, 2)))
def test_no_two_of_these_wait_for_each_other(
    token: ApiToken, sandbox: Sandbox, one: str, other: str, state: str
) -> None:
    signer = connect(sandbox, sandbox.add_token())
    secret = roll_in_the_dashboard(token)
    attempt = needy(token, signer, state, secret)
    acts: dict[str, Callable[[], Any]] = {
        "request": lambda: request_rotation(token, reason="x", trigger="ADMIN", signer=signer),
        "lead on": lambda: settle(
            RotationAttempt.objects.get(pk=attempt.pk), context=RotationContext()
        ),
        "install": lambda: install_secret(token, secret=secret, reason="x"),
        "held": lambda: install_from_held(
            RotationAttempt.objects.get(pk=attempt.pk), place="data.odd.place"
        ),
        "retire": lambda: retire_token(ApiToken.objects.get(pk=token.pk)),
        "activate": lambda: activate_token(ApiToken.objects.get(pk=signer.pk)),
    }
    assert at_once(acts[one], acts[other]) == []


def test_of_all_who_ask_for_a_rotation_of_a_store_at_once_one_gets_it(
    token: ApiToken, standby: ApiToken
) -> None:
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    by_hand = partial(request_rotation, token, reason="x", trigger="ADMIN")
    assert at_once(request_due_rotations, request_due_rotations, by_hand) == []
    assert RotationAttempt.objects.open().count() == 1


def test_a_rotation_that_is_to_be_sent_while_a_secret_is_installed_waits_and_then_ends(
    token: ApiToken, sandbox: Sandbox
) -> None:
    secret = roll_in_the_dashboard(token)
    signer = connect(sandbox, sandbox.add_token())
    attempt = request_rotation(token, reason="x", trigger="ADMIN", signer=signer)
    sandbox.fault([{"match": ROLL, "times": 0, "action": "commit_then_reset"}])
    ready, go = threading.Event(), threading.Event()

    def about_to_send(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if connection.in_atomic_block and sql.startswith("UPDATE") and not go.is_set():
            ready.set()
            go.wait(20)
        return execute(sql, *arguments)

    def work() -> None:
        try:
            with connection.execute_wrapper(about_to_send):
                run_rotation(attempt.pk)
        finally:
            connection.close()

    def has_looked(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        looks = sql.startswith("SELECT") and '"closed_at" IS NULL' in sql
        if connection.in_atomic_block and looks and not go.is_set():
            go.set()
            time.sleep(1)
        return result

    worker = threading.Thread(target=work)
    worker.start()
    assert ready.wait(20)
    before = rolls(sandbox)
    with connection.execute_wrapper(has_looked):
        install_secret(token, secret=secret, reason="x")
    worker.join()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.closed_at is None) == ("FAILED_SAFE", False)
    assert rolls(sandbox) == before
    assert in_use(token, sandbox)


class WaitsAfterTrying(StoreWire):
    """The real wire; it goes on once somebody has begun to disable the signer."""

    def __init__(self) -> None:
        self.tried, self.begun = threading.Event(), threading.Event()

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = super().try_secret(token, secret=secret)
        self.tried.set()
        assert self.begun.wait(20)
        return answer


def test_a_rotation_that_is_to_be_sent_while_its_signer_is_disabled_waits_and_then_ends(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox
) -> None:
    attempt = request_rotation(token, reason="x", trigger="ADMIN", signer=standby)
    wire = WaitsAfterTrying()

    def work() -> None:
        try:
            run_rotation(attempt.pk, context=RotationContext(wire=wire))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert wire.tried.wait(20)
    with transaction.atomic():
        retire_token(standby)
        wire.begun.set()
        time.sleep(1)
    worker.join()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.sent_at) == ("FAILED_SAFE", None)
    assert rolls(sandbox) == 0
