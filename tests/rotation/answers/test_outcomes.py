"""What each answer, or none, leads to."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.db import transaction

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.exceptions import RotationError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation import context as rotation_context
from tests.connecting import connect
from tests.rotation.conftest import ROLL, Clock, attempts, in_use, rolls, rotate

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_cache_that_is_down_costs_no_answer(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, settings: Any
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CacheThatIsDown"}}
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


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_page_of_somebody_on_the_way_says_nothing_of_a_secret(
    token: ApiToken,
    sandbox: Sandbox,
    context: RotationContext,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(rotation_context, "PAUSE_SECONDS", 0.0)
    sandbox.fault([{"match": ROLL, "action": "close"}])
    assert rotate(token, context).state == "WATCHING"
    clock.pass_by(minutes=61)
    page = {"action": "html", "args": {"status": status}, "times": 0}
    sandbox.fault([{"match": {"method": "GET"}, **page}])
    watch_rotations(context=context)
    assert attempts()[0].state == "WATCHING"
    assert attempts()[0].checked_at == clock.now
    sandbox.clear_faults()
    watch_rotations(context=context)
    assert attempts()[0].state == "FAILED_SAFE"


@pytest.mark.fact(16)
def test_the_request_is_signed_by_the_token_that_was_chosen(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    sandbox.set(roll_callers="other")
    assert rotate(token, context, signer=standby).state == "DONE"


@pytest.mark.parametrize("state", ["PREPARED", "WATCHING"])
def test_a_rotation_refuses_to_run_inside_a_transaction(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, state: str
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    RotationAttempt.objects.update(state=state, watch_until=context.clock())
    before = sandbox.requests_served
    with transaction.atomic(), pytest.raises(RotationError, match="inside a transaction"):
        run_rotation(attempt.pk, context=context)
    assert sandbox.requests_served == before
    assert attempts()[0].state == state


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
