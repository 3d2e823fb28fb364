"""The secret in an answer of any shape, and answers that show none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError
from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    held_texts,
    install_from_held,
    watch_rotations,
)
from pandabase_django.services.rotation.context import Answer, StoreWire, Validity
from pandabase_django.services.rotation.replies import packed, unpacked
from tests.rotation.conftest import ROLL, Clock, attempts, in_use, rolls, rotate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.fact(16)
@pytest.mark.parametrize("shape", ["data.secret", "data.token.secret", "string", "unknown"])
def test_the_secret_is_found_in_any_shape_of_answer(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, shape: str
) -> None:
    sandbox.set(roll_reply=shape)
    assert rotate(token, context).state == "DONE"
    assert in_use(token, sandbox)


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


def test_only_what_can_be_a_credential_is_offered() -> None:
    texts = ["short", "with a space", "x" * 513, "x" * 512, "eightest"]
    reply = unpacked(packed(RawReply(status=200, request_id="", body=json.dumps(texts).encode())))
    assert [found.place for found in reply.texts()] == ["[3]", "[4]"]


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
    clock: Clock,
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
    clock.pass_by(minutes=5)
    watch_rotations(context=context)
    assert attempts()[0].checked_at == clock.now
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


class UnclearOnce(StoreWire):
    """The first look at the new secret tells nothing."""

    def __init__(self) -> None:
        self._unclear: Secret | None = None

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        reply = super().roll(token, signer=signer)
        self._unclear = Secret(json.loads(reply.body)["data"]["secret"])
        return reply

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        if secret == self._unclear:
            self._unclear = None
            return Answer(Validity.UNCLEAR, "no answer")
        return super().try_secret(token, secret=secret)


def test_an_answer_is_not_judged_while_it_is_unclear_whether_a_text_of_it_works(
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
    told: list[tuple[str, str]],
) -> None:
    # The new secret is the first text that is tried; the last one is clearly refused.
    edit = {"set": {"data.other": "sk_test_0123456789"}}
    sandbox.fault([{"match": ROLL, "action": "edit_body", "args": edit}])
    context = RotationContext(wire=UnclearOnce(), clock=clock, sleep=clock.sleep)
    assert rotate(token, context).state == "JOURNALED"
    assert told == []
    watch_rotations(context=context)
    assert attempts()[0].state == "DONE"
