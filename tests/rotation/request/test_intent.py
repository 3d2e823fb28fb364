"""Who may be rotated, when, and how often something is sent."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    cancel_rotation,
    preflight,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.context import Answer, StoreWire
from pandabase_django.services.tokens.connection import retire_token
from tests.rotation.conftest import Clock, attempts, in_use, rolls

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_that_rolls_back_leaves_nothing_and_sends_nothing(
    token: ApiToken, sandbox: Sandbox
) -> None:
    with transaction.atomic():
        request_rotation(token, reason="yearly", trigger="ADMIN")
        transaction.set_rollback(True)
    assert attempts() == []
    assert rolls(sandbox) == 0


def test_a_second_request_is_refused_and_names_the_first(token: ApiToken) -> None:
    first = request_rotation(token, reason="yearly", trigger="ADMIN")
    with transaction.atomic(), pytest.raises(RotationInProgress) as caught:
        request_rotation(token, reason="yearly", trigger="ADMIN")
    assert caught.value.attempt_id == first.pk
    assert len(attempts()) == 1


def test_another_token_of_the_store_waits_until_the_first_is_rotated(
    token: ApiToken, standby: ApiToken, context: RotationContext
) -> None:
    first = request_rotation(standby, reason="yearly", trigger="ADMIN", signer=token)
    with pytest.raises(RotationInProgress, match=f"secret of {standby.name}") as caught:
        request_rotation(token, reason="yearly", trigger="ADMIN")
    assert caught.value.attempt_id == first.pk
    assert run_rotation(first.pk, context=context).state == "DONE"
    assert request_rotation(token, reason="yearly", trigger="ADMIN").state == "PREPARED"


@pytest.mark.parametrize("state", RotationAttempt.NEEDS_A_PERSON)
def test_a_rotation_that_waits_for_a_person_holds_up_no_person(
    token: ApiToken, standby: ApiToken, state: str
) -> None:
    first = request_rotation(standby, reason="yearly", trigger="ADMIN", signer=token)
    RotationAttempt.objects.filter(pk=first.pk).update(state=state)
    with pytest.raises(RotationInProgress):
        request_rotation(token, reason="yearly", trigger="POLICY")
    assert request_rotation(token, reason="yearly", trigger="ADMIN").state == "PREPARED"


def test_a_rotation_needs_a_reason(token: ApiToken) -> None:
    with pytest.raises(ValueError, match="reason"):
        request_rotation(token, reason=" ", trigger="ADMIN")


def test_a_token_without_an_id_or_in_retirement_is_not_rotated(
    token: ApiToken, standby: ApiToken
) -> None:
    retire_token(standby)
    for signer, words in ((standby, "retired"), (None, "no token id")):
        if signer is None:
            ApiToken.objects.filter(pk=token.pk).update(mode="BEARER", token_id="")
            token.refresh_from_db()
        with pytest.raises(RotationError, match=words):
            request_rotation(token, reason="yearly", trigger="ADMIN", signer=signer)
    with pytest.raises(RotationError, match="retired"):
        request_rotation(standby, reason="yearly", trigger="ADMIN", signer=token)
    assert attempts() == []


def test_a_token_of_another_store_can_not_sign(token: ApiToken, standby: ApiToken) -> None:
    ApiToken.objects.filter(pk=standby.pk).update(base_url="https://elsewhere.example")
    with pytest.raises(RotationError, match="another store or address"):
        request_rotation(token, reason="yearly", trigger="ADMIN", signer=standby)


def test_a_wrong_encryption_key_sends_nothing(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, settings: Any
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    before = sandbox.requests_served
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [generate_key()]}
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == "FAILED_SAFE"
    assert "not among" in attempt.outcome
    assert sandbox.requests_served == before


def test_preflight_tells_every_condition_and_leaves_no_trace(
    token: ApiToken, sandbox: Sandbox, settings: Any, tmp_path: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(tmp_path)}
    report = preflight(token)
    assert report.ok
    assert [check.name for check in report.checks] == [
        *("token", "signer", "open", "seal", "journal", "spool", "remote")
    ]
    assert attempts() == []
    assert list(tmp_path.iterdir()) == []
    assert rolls(sandbox) == 0


def test_preflight_without_network_sends_and_writes_nothing(
    token: ApiToken, sandbox: Sandbox
) -> None:
    before = sandbox.requests_served
    with transaction.atomic():
        report = preflight(token, network=False)
    assert report.ok
    assert sandbox.requests_served == before
    request_rotation(token, reason="yearly", trigger="ADMIN")
    assert preflight(token, network=False).problems == ("An earlier rotation is open: Prepared.",)


def test_a_rotation_waits_for_a_running_sync_to_reach_a_checkpoint_and_shows_it(
    token: ApiToken, standby: ApiToken, clock: Clock, sandbox: Sandbox
) -> None:
    now = timezone.now()
    run = SyncRun.objects.create(
        store=token.store, resource="orders", trigger="COMMAND", started_at=now, heartbeat_at=now
    )
    shown: list[str] = []

    def look(attempt: RotationAttempt) -> None:
        shown.append(attempt.phase or attempt.state)
        assert attempt.phase == RotationAttempt.objects.get(pk=attempt.pk).phase
        assert RotationAttempt.objects.get(token=standby).phase == ""

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        assert rolls(sandbox) == 0
        if len(slept) == 3:
            SyncRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
        slept.append(seconds)

    slept: list[float] = []
    other = request_rotation(standby, reason="yearly", trigger="ADMIN")
    cancel_rotation(other, outcome="Interrupted.")
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    context = RotationContext(clock=clock, sleep=sleep, on_change=look)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    assert len(slept) == 4
    assert shown[0] == f"Waiting for running syncs to reach a checkpoint: Orders ({run.pk})"
    assert shown[1] in ("", "PREPARED")


@pytest.mark.parametrize("which", ["signer", "token"])
def test_a_token_that_is_disabled_while_a_sync_is_waited_for_signs_nothing(
    token: ApiToken, standby: ApiToken, clock: Clock, sandbox: Sandbox, which: str
) -> None:
    now = timezone.now()
    SyncRun.objects.create(
        store=token.store, resource="orders", trigger="COMMAND", started_at=now, heartbeat_at=now
    )
    gone = ApiToken.objects.get(pk=(standby if which == "signer" else token).pk)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if gone.is_usable:
            retire_token(gone)

    attempt = request_rotation(token, reason="yearly", trigger="ADMIN", signer=standby)
    before = sandbox.requests_served
    attempt = run_rotation(attempt.pk, context=RotationContext(clock=clock, sleep=sleep))
    assert (attempt.state, attempt.sent_at, attempt.phase) == ("FAILED_SAFE", None, "")
    assert ("retired" if which == "signer" else "disabled") in attempt.outcome
    # Whether the secret of a token in use still works is looked at; a disabled one calls no more.
    assert sandbox.requests_served - before == (1 if which == "signer" else 0)
    assert rolls(sandbox) == 0


class DisablesAfterTrying(StoreWire):
    """The real wire; somebody disables this token once its secret was tried."""

    def __init__(self, token: ApiToken) -> None:
        self.token = token

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = super().try_secret(token, secret=secret)
        if token == self.token:
            retire_token(self.token)
        return answer


def test_a_signer_that_is_disabled_after_the_preflight_signs_nothing(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN", signer=standby)
    wire = DisablesAfterTrying(standby)
    attempt = run_rotation(attempt.pk, context=RotationContext(wire=wire, clock=clock))
    assert (attempt.state, attempt.sent_at) == ("FAILED_SAFE", None)
    assert f"The token {standby.name} is retired." in attempt.outcome
    assert rolls(sandbox) == 0


def test_the_wait_for_a_sync_that_hangs_is_bounded(
    token: ApiToken, context: RotationContext, settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_WAIT_SECONDS": 3}
    now = timezone.now()
    SyncRun.objects.create(
        store=token.store, resource="orders", trigger="COMMAND", started_at=now, heartbeat_at=now
    )
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    done = run_rotation(attempt.pk, context=context)
    assert (done.state, done.phase) == ("DONE", "")


def test_a_rotation_that_no_worker_took_is_run_later_and_ended_after_an_hour(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    assert watch_rotations(context=context).to_run == []
    clock.pass_by(minutes=3)
    assert watch_rotations(context=context).to_run == [attempt.pk]
    clock.pass_by(hours=1)
    assert watch_rotations(context=context).to_run == []
    assert attempts()[0].state == "FAILED_SAFE"
    assert rolls(sandbox) == 0


@pytest.mark.postgres
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL")
def test_twenty_rotations_at_once_send_one_request(token: ApiToken, sandbox: Sandbox) -> None:
    together = threading.Barrier(20)
    results: list[str] = []

    def rotate() -> None:
        try:
            together.wait()
            try:
                attempt_id = request_rotation(token, reason="yearly", trigger="ADMIN").pk
            except RotationInProgress as error:
                attempt_id = error.attempt_id
            together.wait()
            results.append(run_rotation(attempt_id).state)
        finally:
            connection.close()

    threads = [threading.Thread(target=rotate) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    assert set(results) <= {"SENT", "JOURNALED", "VERIFIED", "DONE"}
    assert rolls(sandbox) == 1
    assert [attempt.state for attempt in attempts()] == ["DONE"]
    assert in_use(token, sandbox)
