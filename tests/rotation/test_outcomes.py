"""What each answer, or none, leads to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.db import transaction

from pandabase_django.api.replies import RawReply
from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError, RotationInProgress
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    held_texts,
    install_from_held,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.replies import packed, unpacked
from tests.connecting import connect
from tests.rotation.conftest import Clock, attempts, in_use, rolls, rotate

pytestmark = pytest.mark.django_db(transaction=True)

ROLL = {"method": "POST", "path_regex": "roll-secret$"}


@pytest.mark.fact(15)
@pytest.mark.parametrize("by", ["itself", "another"])
def test_a_rotation_replaces_the_secret_and_the_old_one_is_refused(
    token: ApiToken,
    standby: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    told: list[tuple[str, str]],
    by: str,
) -> None:
    attempt = rotate(token, context, signer=standby if by == "another" else None)
    assert attempt.state == "DONE", attempt.outcome
    assert attempt.outcome == "The new secret works. The old one is refused."
    assert in_use(token, sandbox)
    assert rolls(sandbox) == 1
    assert (attempt.from_version, attempt.to_version, attempt.reply) == (1, 2, None)
    assert attempt.request_id.startswith("req_")
    assert attempt.closed_at is not None
    token.refresh_from_db()
    assert (token.secret_version, token.health) == (2, "OK")
    assert attempt.fingerprint == current_keyring().fingerprint(token.secret)
    assert str(token.secret) == f"••••{sandbox.secret_of(token.token_id)[-4:]}"
    assert told == [("rotated", "DONE")]
    assert len(attempts()) == 1


@pytest.mark.fact(17)
def test_a_bearer_token_is_rolled_by_the_id_that_its_requests_do_not_carry(
    db: None, sandbox: Sandbox, context: RotationContext
) -> None:
    token = connect(sandbox, sandbox.bearer_token)
    assert rotate(token, context).state == "DONE"
    assert in_use(token, sandbox)


@pytest.mark.fact(16)
@pytest.mark.parametrize("shape", ["data.secret", "data.token.secret", "string", "unknown"])
def test_the_secret_is_found_in_any_shape_of_answer(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, shape: str
) -> None:
    sandbox.set(roll_reply=shape)
    assert rotate(token, context).state == "DONE"
    assert in_use(token, sandbox)


def test_a_cache_that_is_down_costs_no_answer(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, settings: Any
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CacheThatIsDown"}}
    # The last request of a limit: this is noted after the answer came and before it is kept.
    args = {"status": 429, "error": "slow down", "retry_after_seconds": 120}
    sandbox.fault([{"match": ROLL, "action": "status", "args": args}])
    first = rotate(token, context)
    assert (first.state, first.reply_status) == ("FAILED_SAFE", 429)
    assert rotate(token, context).state == "DONE"
    assert in_use(token, sandbox)


class CacheThatIsDown(BaseCache):
    """Raises what no library of ours knows, as each backend has errors of its own."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get_many(self, *_: Any, **__: Any) -> Any:
        raise LookupError("the cache is down")

    set = get_many


def test_an_answer_full_of_texts_is_read_in_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"sk_text_number_{number}" for number in range(20_000)]
    reply = unpacked(packed(RawReply(status=200, request_id="", body=json.dumps(texts).encode())))
    compared = 0
    equal = Secret.__eq__

    def counted(self: Secret, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(self, other)

    monkeypatch.setattr(Secret, "__eq__", counted)
    assert (len(reply.texts()), len(reply.likely())) == (50, 8)
    assert compared < 10_000


def test_a_secret_that_stands_as_a_name_is_not_shown_as_a_place() -> None:
    body = json.dumps({"secrets": {"sk_test_0123456789abcdef": "active-now"}}).encode()
    reply = unpacked(packed(RawReply(status=200, request_id="", body=body)))
    assert [found.place for found in reply.texts()] == ["secrets.••••"]
    assert [found.secret.reveal() for found in reply.likely()] == ["sk_test_0123456789abcdef"]


def test_an_answer_that_breaks_off_after_the_secret_is_used(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.fault([{"match": ROLL, "action": "truncate", "args": {"bytes": 79}}])
    attempt = rotate(token, context)
    assert attempt.state == "DONE", attempt.outcome
    assert in_use(token, sandbox)


@pytest.mark.fact(16)
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"action": "truncate", "args": {"bytes": 30}}, "broke off"),
        ({"action": "cut_json", "args": {"bytes": 40}}, "nothing found"),
        ({"action": "null_data"}, "nothing found"),
        ({"action": "edit_body", "args": {"set": {"ok": False, "data.secret": "x"}}}, "nothing"),
        ({"action": "replace_body", "args": {"body": "<html>Back soon</html>"}}, "nothing"),
    ],
)
def test_an_executed_roll_whose_answer_shows_no_secret_is_held_with_its_answer(
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    told: list[tuple[str, str]],
    rule: dict[str, Any],
    words: str,
) -> None:
    sandbox.fault([{"match": ROLL, **rule}])
    attempt = rotate(token, context)
    assert attempt.state == "HELD", attempt.outcome
    assert words in attempt.outcome
    assert attempt.closed_at is None
    assert attempt.reply is not None
    watch_rotations(context=context)
    assert told == [("failed", "HELD")]
    assert rolls(sandbox) == 1


def test_a_person_chooses_the_secret_in_a_held_answer(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> None:
    standing = sandbox.secret_of(token.token_id)
    sandbox.fault(
        [
            {
                "match": {"method": "GET", "path_regex": "stores/shp_[^/]*$"},
                "action": "status",
                "args": {"status": 401, "error": "not yet"},
                "nth": 2,
                "times": 2,
            }
        ]
    )
    attempt = rotate(token, context)
    assert attempt.state == "HELD", attempt.outcome
    sandbox.clear_faults()
    (text,) = [found for found in held_texts(attempt) if found.place == "data.secret"]
    assert text.hint == f"••••{sandbox.secret_of(token.token_id)[-4:]}"
    with pytest.raises(RotationError):
        install_from_held(attempt, place="data.nothing", context=context)
    assert install_from_held(attempt, place="data.secret", context=context).state == "DONE"
    assert in_use(token, sandbox)
    assert standing != sandbox.secret_of(token.token_id)


@pytest.mark.fact(16)
@pytest.mark.parametrize(
    ("callers", "status", "words"),
    [("nobody", 403, "does not let this token roll"), ("other", 403, "Sign with another token")],
)
def test_a_refusal_is_safe_and_names_the_way_round(
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    told: list[tuple[str, str]],
    callers: str,
    status: int,
    words: str,
) -> None:
    sandbox.set(roll_callers=callers)
    attempt = rotate(token, context)
    assert (attempt.state, attempt.reply_status) == ("FAILED_SAFE", status)
    assert words in attempt.outcome
    assert attempt.closed_at is not None
    assert in_use(token, sandbox)
    assert told == [("failed", "FAILED_SAFE")]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
def test_an_error_that_surely_rolled_nothing_is_safe(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, status: int
) -> None:
    sandbox.fault([{"match": ROLL, "action": "status", "args": {"status": status}}])
    attempt = rotate(token, context)
    assert (attempt.state, attempt.reply_status) == ("FAILED_SAFE", status)
    assert in_use(token, sandbox)


def test_a_refusal_that_quotes_something_like_a_secret_is_a_refusal_all_the_same(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    refusal = {"status": 403, "error": "sk_test_abcdefgh may not roll"}
    sandbox.fault([{"match": ROLL, "action": "status", "args": refusal}])
    attempt = rotate(token, context)
    assert (attempt.state, attempt.reply_status) == ("FAILED_SAFE", 403)


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "close"},
        {"action": "reset"},
        {"action": "status", "args": {"status": 500}},
        {"action": "html", "args": {"status": 502}},
        {"action": "html", "args": {"status": 403}},
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


def test_a_rotation_refuses_to_run_inside_a_transaction(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    with transaction.atomic(), pytest.raises(RotationError, match="inside a transaction"):
        run_rotation(attempt.pk, context=context)
    assert rolls(sandbox) == 0
    assert attempts()[0].state == "PREPARED"


def test_a_second_run_of_a_finished_rotation_sends_nothing(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = rotate(token, context)
    assert run_rotation(attempt.pk, context=context).state == "DONE"
    assert rolls(sandbox) == 1


def test_a_secret_whose_row_is_dead_already_is_not_said_to_be_safe(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.revoke_token(token.token_id)
    attempt = rotate(token, context)
    assert attempt.state == "LOST"
    assert "Nothing was sent" in attempt.outcome


def test_a_way_back_that_fails_unsent_does_not_say_that_the_dead_secret_works(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset", "times": 2}])
    assert rotate(token, context).state == "LOST"
    sandbox.fault([{"match": {"method": "GET"}, "action": "html", "times": 0}])
    again = rotate(token, context, signer=standby)
    assert (again.state, again.closed_at, again.sent_at) == ("WATCHING", None, None)
    assert again.follows is not None
    sandbox.clear_faults()
    watch_rotations(context=context)
    again.refresh_from_db()
    assert again.state == "LOST"
    assert again.outcome == "Nothing was sent, and the stored secret is refused."
