"""Who may be rotated, when, and how often something is sent."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.exceptions import RotationError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.connection import declare_permissions, retire_token
from pandabase_django.services.rotation import (
    RotationContext,
    due_tokens,
    preflight,
    request_due_rotations,
    request_pair_rotation,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.policy import due_at
from tests.connecting import connect
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
    assert attempts() == []


def test_a_token_of_another_store_can_not_sign(token: ApiToken, standby: ApiToken) -> None:
    standby.base_url = "https://elsewhere.example"
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


def test_the_store_is_rotated_in_a_pair_and_the_roles_change(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, True)
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == "DONE", attempt.outcome
    assert "active one now" in attempt.outcome
    token.refresh_from_db()
    standby.refresh_from_db()
    assert (token.role, standby.role) == ("STANDBY", "ACTIVE")
    assert (token.secret_version, standby.secret_version) == (1, 2)
    assert in_use(token, sandbox)
    assert in_use(standby, sandbox)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_standby_that_lacks_what_the_active_one_does_never_takes_its_place(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, when: str
) -> None:
    given = sandbox.add_token(permissions=("STORE_READ", "PRODUCTS_READ"))
    standby = connect(sandbox, given)
    for code in ("ORDERS_READ", "PRODUCTS_READ", "STORE_READ"):
        token.permissions.update_or_create(code=code, defaults={"observed": "GRANTED"})
    if when == "after":
        given.permissions = (*given.permissions, "ORDERS_READ")
        sandbox.fault(
            [
                {
                    "match": {"method": "GET", "path_regex": "/orders$"},
                    "action": "status",
                    "args": {"status": 403, "error": "Missing required permissions: ORDERS_READ"},
                    "nth": 2,
                }
            ]
        )
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    attempt = run_rotation(attempt.pk, context=context)
    assert "lacks ORDERS_READ" in attempt.outcome
    assert attempt.state == ("FAILED_SAFE" if when == "before" else "DONE")
    assert rolls(sandbox) == (0 if when == "before" else 1)
    standby.refresh_from_db()
    assert standby.role == "STANDBY"
    assert in_use(standby, sandbox)


def test_a_permission_to_write_counts_as_lacking_when_it_is_not_declared(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    token.permissions.update_or_create(code="PRODUCTS_WRITE", defaults={"observed": "GRANTED"})
    declare_permissions(standby, ["PRODUCTS_READ", "STORE_READ"])
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert "lacks PRODUCTS_WRITE" in run_rotation(attempt.pk, context=context).outcome
    declare_permissions(standby, ["PRODUCTS_READ", "PRODUCTS_WRITE", "STORE_READ"])
    attempt = request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")
    assert run_rotation(attempt.pk, context=context).state == "DONE"


def test_a_pair_needs_two_tokens(token: ApiToken) -> None:
    with pytest.raises(RotationError, match="Add a second token"):
        request_pair_rotation(token.store, reason="yearly", trigger="ADMIN")


def test_a_rotation_waits_for_a_running_sync_to_reach_a_checkpoint_and_shows_it(
    token: ApiToken, clock: Clock, sandbox: Sandbox
) -> None:
    now = timezone.now()
    run = SyncRun.objects.create(
        store=token.store, resource="orders", trigger="COMMAND", started_at=now, heartbeat_at=now
    )
    shown: list[str] = []

    def look(attempt: RotationAttempt) -> None:
        shown.append(attempt.phase or attempt.state)
        assert attempt.phase == RotationAttempt.objects.get(pk=attempt.pk).phase

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        assert rolls(sandbox) == 0
        if len(slept) == 3:
            SyncRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
        slept.append(seconds)

    slept: list[float] = []
    attempt = request_rotation(token, reason="yearly", trigger="ADMIN")
    context = RotationContext(clock=clock, sleep=sleep, on_change=look)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    assert len(slept) == 4
    assert shown[0] == f"Waiting for running syncs to reach a checkpoint: Orders ({run.pk})"
    assert shown[1] in ("", "PREPARED")


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


def test_the_age_policy_takes_one_token_a_store_and_spares_the_active_one(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    ApiToken.objects.update(rotate_after_days=90)
    assert due_tokens() == []
    later = timezone.now() + timedelta(days=91)
    assert len(due_tokens(now=later)) == 1
    ApiToken.objects.filter(pk=token.pk).update(secret_set_at=timezone.now() - timedelta(days=200))
    (attempt,) = request_due_rotations()
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, True)
    assert attempt.trigger == "POLICY"
    assert request_due_rotations() == []
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    # The one that stood down still has its old secret, and is next; it does not come back up.
    (attempt,) = request_due_rotations()
    assert (attempt.token, attempt.signer, attempt.flip) == (token, standby, False)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    assert request_due_rotations() == []
    token.refresh_from_db()
    assert (token.role, in_use(token, sandbox)) == ("STANDBY", True)


def test_the_policy_goes_with_the_role(
    token: ApiToken, standby: ApiToken, context: RotationContext
) -> None:
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    run_rotation(attempt.pk, context=context)
    standby.refresh_from_db()
    assert (standby.role, standby.rotate_after_days) == ("ACTIVE", 30)


def test_a_due_rotation_that_fails_is_tried_again_a_day_later_and_not_before(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.set(roll_callers="nobody")
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    assert run_rotation(attempt.pk, context=context).state == "FAILED_SAFE"
    assert request_due_rotations() == []
    assert len(due_tokens(now=timezone.now() + timedelta(days=1, minutes=1))) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pair_whose_roles_stay_is_not_rolled_again_each_hour(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, when: str
) -> None:
    given = sandbox.add_token(permissions=("STORE_READ", "PRODUCTS_READ"))
    connect(sandbox, given)
    token.permissions.update_or_create(code="ORDERS_READ", defaults={"observed": "GRANTED"})
    if when == "after":
        ApiToken.objects.filter(token_id=given.token_id).update(health="SUSPECT")
        sandbox.fault(
            [
                {
                    "match": {"path_regex": "stores/shp_[^/]*$", "token_id": given.token_id},
                    "action": "status",
                    "args": {"status": 503},
                    "times": 3,
                }
            ]
        )
    ApiToken.objects.filter(pk=token.pk).update(
        rotate_after_days=30, secret_set_at=timezone.now() - timedelta(days=31)
    )
    (attempt,) = request_due_rotations()
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == ("FAILED_SAFE" if when == "before" else "DONE"), attempt.outcome
    assert "lacks ORDERS_READ" in attempt.outcome
    assert request_due_rotations() == []
    assert len(due_tokens(now=timezone.now() + timedelta(days=1, minutes=1))) == 1


def test_the_jitter_is_within_a_tenth_and_fixed_for_each_secret(token: ApiToken) -> None:
    token.rotate_after_days = 100
    assert token.secret_set_at is not None
    moments = set()
    for version in range(50):
        token.secret_version = version
        moment = due_at(token)
        assert moment is not None
        assert moment == due_at(token)
        assert timedelta(days=90) <= moment - token.secret_set_at <= timedelta(days=100)
        moments.add(moment)
    assert len(moments) > 40


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
