"""Answers that got lost: what the remote may have done, and how it is found out."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.context import Answer, StoreWire, Validity
from tests.connecting import connect
from tests.rotation.conftest import ROLL, Clock, attempts, in_use, rolls, rotate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "close"},
        {"action": "reset"},
        {"action": "status", "args": {"status": 500}},
        {"action": "html", "args": {"status": 502}},
        {"action": "html", "args": {"status": 403}},
        {"action": "status", "args": {"status": 403, "body": {"message": "Forbidden"}}},
        {"action": "status", "args": {"status": 408}},
        {"action": "html", "args": {"status": 200}},
    ],
)
def test_a_roll_that_was_not_executed_is_safe_after_an_hour_of_watching(
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    clock: Clock,
    rule: dict[str, Any],
) -> None:
    sandbox.fault([{"match": ROLL, **rule}])
    attempt = rotate(token, context)
    assert attempt.state == "WATCHING", attempt.outcome
    clock.pass_by(minutes=59)
    assert watch_rotations(context=context).looked_at == 1
    assert attempts()[0].state == "WATCHING"
    clock.pass_by(minutes=2)
    watch_rotations(context=context)
    (attempt,) = attempts()
    assert attempt.state == "FAILED_SAFE", attempt.outcome
    assert rolls(sandbox) == 1
    assert in_use(token, sandbox)


def test_an_answer_lost_after_the_remote_has_rolled_is_told_as_lost(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, told: list[tuple[str, str]]
) -> None:
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset"}])
    attempt = rotate(token, context)
    assert attempt.state == "LOST"
    assert "never arrived" in attempt.outcome
    assert attempt.closed_at is None
    token.refresh_from_db()
    assert token.health == "SUSPECT"
    assert told == [("failed", "LOST")]
    watch_rotations(context=context)
    assert len(told) == 1
    with pytest.raises(RotationInProgress):
        request_rotation(token, reason="again", trigger="COMMAND")


def test_a_roll_executed_long_after_its_time_out_is_seen_as_lost(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> None:
    sandbox.fault([{"match": ROLL, "action": "delay_then_execute", "args": {"seconds": 0.5}}])
    assert rotate(token, context).state == "WATCHING"
    import time

    time.sleep(0.8)
    watch_rotations(context=context)
    assert attempts()[0].state == "LOST"


@pytest.mark.parametrize("first_signer", ["itself", "another"])
def test_with_a_second_token_a_lost_answer_is_followed_by_another_roll(
    token: ApiToken,
    standby: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    told: list[tuple[str, str]],
    first_signer: str,
) -> None:
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset"}])
    last = rotate(token, context, signer=standby if first_signer == "another" else None)
    first, second = attempts()
    assert (first.state, second.state, last) == ("LOST", "DONE", second)
    assert first.closed_at is not None
    assert second.follows == first
    assert second.signer == standby
    assert in_use(token, sandbox)
    assert rolls(sandbox) == 2
    assert told == [("failed", "LOST"), ("rotated", "DONE")]


def test_a_token_of_another_store_does_not_roll_once_more(
    token: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    other = connect(sandbox, sandbox.add_token(), store_id="shp_other", test=False)

    class OtherWorks(StoreWire):
        def try_secret(self, asked: ApiToken, *, secret: Secret) -> Answer:
            if asked.pk == other.pk:
                return Answer(Validity.WORKS, "of its own store")
            return super().try_secret(asked, secret=secret)

    sandbox.fault([{"match": ROLL, "action": "commit_then_reset"}])
    context = RotationContext(wire=OtherWorks(), clock=clock, sleep=clock.sleep)
    attempt = rotate(token, context)
    assert (attempt.state, attempt.closed_at) == ("LOST", None)
    assert attempts() == [attempt]


def test_a_follow_up_that_fails_is_not_followed_again(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset", "times": 0}])
    last = rotate(token, context)
    assert [attempt.state for attempt in attempts()] == ["LOST", "LOST"]
    assert last.closed_at is None
    watch_rotations(context=context)
    assert rolls(sandbox) == 2
    sandbox.clear_faults()
    # The way back: a person asks again, and the other token signs.
    assert rotate(token, context, signer=standby).state == "DONE"
    assert in_use(token, sandbox)
    assert not RotationAttempt.objects.filter(closed_at__isnull=True).exists()


def test_a_request_that_never_left_is_safe_at_once(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    sandbox.close()
    attempt = run_rotation(attempt.pk, context=context)
    assert attempt.state == "FAILED_SAFE"
    assert "Nothing was sent" in attempt.outcome
    assert attempt.sent_at is None
