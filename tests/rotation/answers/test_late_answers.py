"""An answer that turns up while its loss is judged, or when the next roll is open already."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.context import Answer, StoreWire, Validity
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.rotation.transitions import keep_reply, sealed_reply
from tests.connecting import connect
from tests.rotation.conftest import ROLL, Clock, attempts, in_use, rolls, rotate

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process was killed."""


class NeverLeaves(StoreWire):
    """The real wire; its next roll does not leave the machine."""

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        raise TransportError("No connection could be made.", executed=False)


def deliver(attempt: RotationAttempt, secret: str, context: RotationContext) -> None:
    """The answer of a roll, as a sender or a spool brings it."""
    body = json.dumps({"data": {"id": "stk_0123456789", "secret": secret}}).encode()
    answer = packed(RawReply(status=200, request_id="req_late", body=body))
    sealed = sealed_reply(attempt, answer)
    assert keep_reply(attempt.pk, sealed, context=context, reply_status=200, request_id="req_late")


@pytest.fixture
def pair(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> tuple[RotationAttempt, RotationAttempt]:
    """A lost roll whose answer came beside the next, and that next one, not yet sent."""
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset"}])
    first = rotate(token, context)
    signer = connect(sandbox, sandbox.add_token())
    second = request_rotation(token, reason="again", trigger="COMMAND", signer=signer)
    clock.pass_by(minutes=1)
    deliver(first, sandbox.secret_of(token.token_id), context)
    first.refresh_from_db()
    assert (first.state, first.closed_at is None) == ("LOST", False)
    return first, second


@pytest.mark.parametrize("shape", ["LOST", "HELD"])
def test_it_helps_out_when_the_next_roll_brings_none(
    told: list[tuple[str, str]],
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    shape: str,
) -> None:
    answer = {"status": 403, "error": "no"} if shape == "LOST" else {"status": 200, "body": "odd"}
    sandbox.fault([{"match": ROLL, "action": "status", "args": answer}])
    second = run_rotation(pair[1].pk, context=context)
    assert second.state == "DONE", second.outcome
    assert in_use(token, sandbox)
    # What stands in the token now stands nowhere else.
    assert {attempt.reply for attempt in attempts()} == {None}
    assert told == [("failed", "LOST"), ("failed", shape), ("rotated", "DONE")]


class DeliversWhileItTries(StoreWire):
    """The real wire; the answer of a roll arrives while a secret is tried."""

    def __init__(self, attempt: RotationAttempt, secret: str, context: RotationContext) -> None:
        self.answer = [(attempt, secret, context)]

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = super().try_secret(token, secret=secret)
        if self.answer:
            deliver(*self.answer.pop())
        return answer


def test_an_answer_that_comes_while_the_old_secret_is_found_refused_is_read(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, told: list[tuple[str, str]]
) -> None:
    sandbox.fault([{"match": ROLL, "action": "close"}])
    attempt = rotate(token, context)
    assert attempt.state == "WATCHING"
    StoreWire().roll(token, signer=token)  # it was executed after all
    wire = DeliversWhileItTries(attempt, sandbox.secret_of(token.token_id), context)
    for _ in range(2):
        watch_rotations(context=replace(context, wire=wire))
    attempt.refresh_from_db()
    assert attempt.state == "DONE", attempt.outcome
    assert in_use(token, sandbox)
    assert told == [("rotated", "DONE")]


class Counting(NeverLeaves):
    """Counts looks with one secret; the remote can be made not to say."""

    def __init__(self, secret: str) -> None:
        self.secret, self.looks, self.unclear = secret, 0, False

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        if secret.reveal() != self.secret:
            return super().try_secret(token, secret=secret)
        self.looks += 1
        if self.unclear:
            return Answer(Validity.UNCLEAR, "no answer")
        return super().try_secret(token, secret=secret)


def test_it_is_tried_once_however_long_nobody_comes(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    first, second = pair
    wire = Counting(sandbox.secret_of(token.token_id))
    context = RotationContext(wire=wire, clock=clock, sleep=clock.sleep)
    StoreWire().roll(token, signer=ApiToken.objects.get(pk=second.signer_id))  # by somebody else
    signer = ApiToken.objects.get(pk=second.signer_id)
    assert run_rotation(second.pk, context=context).state == "LOST"
    other = request_rotation(signer, reason="yearly", trigger="COMMAND")
    for _ in range(3):
        clock.pass_by(minutes=1)
        watch_rotations(context=context)
    assert wire.looks == 1
    first.refresh_from_db()
    other.refresh_from_db()
    assert first.reply is not None
    assert (first.checked_at is None, other.checked_at) == (False, None)


def test_nothing_is_rolled_again_while_it_is_not_clear_whether_it_works(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    _, second = pair
    # As if the first row were none that this one follows: then this one may be followed.
    RotationAttempt.objects.filter(pk=second.pk).update(follows=None)
    wire = Counting(sandbox.secret_of(token.token_id))
    wire.unclear = True
    context = RotationContext(wire=wire, clock=clock, sleep=clock.sleep)
    second = run_rotation(second.pk, context=context)
    assert (second.state, second.closed_at) == ("LOST", None)
    clock.pass_by(minutes=1)
    assert watch_rotations(context=context).to_run == []
    wire.unclear = False
    watch_rotations(context=context)
    assert [attempt.state for attempt in attempts()] == ["LOST", "DONE"]
    assert in_use(token, sandbox)
    assert wire.looks == 3


def killed_when_verified(second: RotationAttempt, clock: Clock) -> None:
    """The second roll never leaves; its process dies when the late secret was found to work."""

    def change(attempt: RotationAttempt) -> None:
        if attempt.state == "VERIFIED":
            raise Killed

    with pytest.raises(Killed):
        run_rotation(
            second.pk,
            context=RotationContext(
                wire=NeverLeaves(), clock=clock, sleep=clock.sleep, on_change=change
            ),
        )
    second.refresh_from_db()
    assert (second.state, second.closed_at) == ("VERIFIED", None)


def test_a_process_killed_while_it_takes_it_leaves_nothing_stuck(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    clock: Clock,
) -> None:
    _, second = pair
    earlier = second.prepared_at - timedelta(minutes=1)  # the newest is looked at first
    other = RotationAttempt.objects.create(
        token=connect(sandbox, sandbox.add_token()),
        state="WATCHING",
        trigger="COMMAND",
        reason="yearly",
        from_version=1,
        prepared_at=earlier,
        sent_at=earlier,
        watch_until=clock(),
    )
    clock.pass_by(minutes=61)
    killed_when_verified(second, clock)
    assert second.reply is not None
    seen = watch_rotations(context=context)
    assert (seen.looked_at, seen.failed) == (2, [])
    assert {attempt.reply for attempt in attempts()} == {None}
    second.refresh_from_db()
    other.refresh_from_db()
    assert (second.state, second.reply, other.state) == ("DONE", None, "FAILED_SAFE")
    assert in_use(token, sandbox)


def test_its_copy_gives_way_to_the_answer_of_a_sender_that_was_only_slow(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    clock: Clock,
) -> None:
    _, second = pair
    killed_when_verified(second, clock)
    signer = ApiToken.objects.get(pk=second.signer_id)
    StoreWire().roll(token, signer=signer)
    deliver(second, sandbox.secret_of(token.token_id), context)
    watch_rotations(context=context)
    assert [attempt.state for attempt in attempts()] == ["LOST", "DONE"]
    assert in_use(token, sandbox)


def test_a_rotation_it_has_ended_takes_its_own_answer_still(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
    context: RotationContext,
) -> None:
    _, second = pair
    late = RotationContext(wire=NeverLeaves(), clock=clock, sleep=clock.sleep)
    assert run_rotation(second.pk, context=late).state == "DONE"
    StoreWire().roll(token, signer=ApiToken.objects.get(pk=second.signer_id))
    deliver(second, sandbox.secret_of(token.token_id), context)
    watch_rotations(context=context)
    assert [attempt.state for attempt in attempts()] == ["LOST", "DONE"]
    assert in_use(token, sandbox)
    assert rolls(sandbox) == 2


def test_a_refusal_that_comes_after_it_has_ended_the_rotation_changes_nothing(
    pair: tuple[RotationAttempt, RotationAttempt],
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    _, second = pair
    late = RotationContext(wire=NeverLeaves(), clock=clock, sleep=clock.sleep)
    assert run_rotation(second.pk, context=late).state == "DONE"
    sealed = sealed_reply(second, packed(RawReply(500, "req_late", b"{}")))
    assert keep_reply(second.pk, sealed, context=late, reply_status=500, request_id="req_late")
    second.refresh_from_db()
    assert (second.state, second.reply, second.journaled_at) == ("DONE", None, None)
    assert in_use(token, sandbox)


def test_a_following_roll_that_never_left_is_safe_when_the_old_secret_works_after_all(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> None:
    sandbox.set(roll_callers="nobody")
    first = rotate(token, context)
    second = request_rotation(token, reason="again", trigger="COMMAND")
    RotationAttempt.objects.filter(pk=second.pk).update(follows=first)
    never = RotationContext(wire=NeverLeaves(), clock=clock, sleep=clock.sleep)
    second = run_rotation(second.pk, context=never)
    assert (second.state, second.closed_at) == ("FAILED_SAFE", clock.now)
    assert "never left this machine" in second.outcome


def test_an_attempt_that_can_not_be_looked_at_holds_up_no_other_and_quotes_nothing(
    token: ApiToken,
    standby: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(StoreWire):
        def try_secret(self, asked: ApiToken, *, secret: Secret) -> Answer:
            if asked.pk == token.pk:
                raise LookupError(f"no place for {secret.reveal()}")
            return super().try_secret(asked, secret=secret)

    sandbox.fault([{"match": ROLL, "action": "close", "times": 2}])
    assert rotate(standby, context).state == "WATCHING"
    newer = rotate(token, context)
    clock.pass_by(minutes=61)
    with caplog.at_level(logging.INFO):
        seen = watch_rotations(
            context=RotationContext(wire=Broken(), clock=clock, sleep=clock.sleep)
        )
    assert (seen.looked_at, seen.failed) == (2, [(newer.pk, "LookupError")])
    assert [attempt.state for attempt in attempts()] == ["FAILED_SAFE", "WATCHING"]
    assert "in try_secret" in caplog.text
    assert token.secret.reveal() not in caplog.text
