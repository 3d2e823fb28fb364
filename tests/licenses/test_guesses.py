"""Strangers who ask about anything change no answer about another key, and are limited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from pandabase_django.models import Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.licenses import throttle, verification
from tests.licenses.asking import ask, asked, away, revoke

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_question_without_the_remote_s_form_is_not_sent_and_changes_no_other_answer(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    revoke(sandbox, claimed)
    ask("x", 400, product="a")
    said = ask(claimed["key"])
    assert (said["valid"], said["status"], said["source"]) == (False, "REVOKED", "pandabase")
    assert asked(sandbox) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"action": "status", "args": {"status": 400}},
        {"action": "status", "args": {"status": 404}},
        {"action": "status", "args": {"status": 409}},
        {"action": "status", "args": {"status": 422}},
        {"action": "status", "args": {"status": 503}},
        {"action": "html", "args": {"status": 403}},
        {"action": "reset"},
    ],
    ids=str,
)
def test_whatever_a_guess_meets_other_keys_are_asked_about(
    sandbox: Sandbox, claimed: dict[str, Any], answer: dict[str, Any]
) -> None:
    revoke(sandbox, claimed)
    sandbox.fault([{"match": {"path_regex": "/licenses/verify"}, "times": 0, **answer}])
    for key in ("NOBODY-KNOWS-THIS", claimed["key"]):
        assert ask(key, product="prd_of_something_else")["status"] is None
    sandbox.clear_faults()
    said = ask(claimed["key"], product=claimed["productId"])
    assert (said["valid"], said["status"], said["source"]) == (False, "REVOKED", "pandabase")


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_the_remote_refuses_is_not_known_to_it_unless_the_mirror_has_it(
    sandbox: Sandbox, claimed: dict[str, Any], status: int
) -> None:
    rule = {"match": {"path_regex": "/licenses/verify"}, "action": "status"}
    sandbox.fault([{**rule, "args": {"status": status}, "times": 2}])
    said = ask("NOBODY-KNOWS-THIS")
    assert (said["valid"], said["status"], said["source"]) == (False, None, "pandabase")
    assert ask(claimed["key"])["source"] == "mirror"
    said = ask(claimed["key"], product=claimed["productId"])
    assert (said["valid"], said["source"]) == (True, "pandabase")


def test_guesses_have_a_limit_of_their_own(
    sandbox: Sandbox, claimed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "GUESSES_IN_A_SECOND", 2)
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_000.25)
    for number in range(2):
        assert ask(f"GUESS-{number}")["source"] == "pandabase"
    answer = Client().post(
        "/licenses/verify", json.dumps({"key": "GUESS-2"}), content_type="application/json"
    )
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    ask(claimed["key"], 429, product="prd_of_something_else")
    assert asked(sandbox) == 2
    revoke(sandbox, claimed)
    said = ask(claimed["key"])
    assert (said["status"], said["source"]) == ("REVOKED", "pandabase")
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_001.25)
    assert ask("GUESS-3")["source"] == "pandabase"


def test_keys_of_the_mirror_do_not_use_up_the_limit_of_the_store(
    sandbox: Sandbox, claimed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "ASKED_IN_A_MINUTE", 1)
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_010.0)
    assert ask(claimed["key"], product=claimed["productId"])["source"] == "pandabase"
    keys = [one["key"] for one in sandbox.dump("licenses") if one["key"] != claimed["key"]]
    assert [ask(key)["source"] for key in keys[:2]] == ["mirror", "mirror"]
    assert asked(sandbox) == 1


def test_a_key_that_gets_no_answer_is_not_asked_about_for_a_while(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    rule = {"match": {"path_regex": "/licenses/verify"}, "action": "html", "times": 0}
    sandbox.fault([{**rule, "args": {"status": 403}}])
    assert {ask(claimed["key"])["source"] for _ in range(8)} == {"mirror"}
    assert asked(sandbox) == 1
    other = next(one["key"] for one in sandbox.dump("licenses") if one["key"] != claimed["key"])
    sandbox.clear_faults()
    assert ask(other)["source"] == "pandabase"


def test_a_limit_that_pandabase_sets_is_no_refusal_of_honest_questions(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    rule = {"match": {"path_regex": "/licenses/verify"}, "action": "status", "times": 0}
    sandbox.fault([{**rule, "args": {"status": 429, "retry_after_seconds": 5}}])
    for number in range(8):
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        said = ask(claimed["key"], client=client, product=claimed["productId"])
        assert (said["valid"], said["source"]) == (True, "mirror")


def test_a_licence_of_one_product_opens_no_other(sandbox: Sandbox, claimed: dict[str, Any]) -> None:
    """Whatever Pandabase said of the key before, and although it says nothing now."""
    for product in ({}, {"product": claimed["productId"]}):
        assert ask(claimed["key"], **product)["valid"]
    away(sandbox)
    for _ in range(2):
        assert not ask(claimed["key"], product="prd_of_something_else")["valid"]


def answer_of_its_own_product(
    sandbox: Sandbox, claimed: dict[str, Any], *, valid: bool, times: int
) -> None:
    """Whatever product is asked about, the remote answers about that of the licence."""
    found = {"valid": valid, "status": "CLAIMED", "productId": claimed["productId"]}
    body = {"ok": True, "data": {**found, "expiresAt": None}}
    match = {"path_regex": "/licenses/verify"}
    sandbox.fault(
        [{"match": match, "action": "replace_body", "args": {"body": body}, "times": times}]
    )


def test_what_is_said_of_another_product_closes_no_licence(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    """A remote may name the licence's own product in its answer about another one."""
    answer_of_its_own_product(sandbox, claimed, valid=False, times=1)
    assert not ask(claimed["key"], product="prd_of_something_else")["valid"]
    away(sandbox)
    for product in ({}, {"product": claimed["productId"]}):
        assert ask(claimed["key"], **product)["valid"]


def test_a_remote_that_looks_at_no_product_opens_no_other(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    answer_of_its_own_product(sandbox, claimed, valid=True, times=0)
    for _ in range(2):
        assert not ask(claimed["key"], product="prd_of_something_else")["valid"]
    for product in ({}, {"product": claimed["productId"]}):
        assert ask(claimed["key"], **product)["valid"]


@pytest.mark.parametrize("with_product", [True, False])
def test_what_pandabase_said_of_a_key_holds_however_it_is_asked_about(
    sandbox: Sandbox, claimed: dict[str, Any], with_product: bool
) -> None:
    revoke(sandbox, claimed)
    named, unnamed = {"product": claimed["productId"]}, {}
    first, second = (named, unnamed) if with_product else (unnamed, named)
    assert ask(claimed["key"], **first)["status"] == "REVOKED"
    away(sandbox)
    said = ask(claimed["key"], **second)
    assert (said["valid"], said["status"], said["source"]) == (False, "REVOKED", "pandabase")


def test_a_key_of_another_product_is_asked_about_as_one_that_nobody_knows(
    claimed: dict[str, Any],
) -> None:
    # This one has no token and can't be asked, so that it shows where it would be.
    Store.objects.create(pk="shp_of_something_else")
    said = [ask(key, product="prd_of_something_else") for key in (claimed["key"], "NOBODY-KNOWS")]
    assert [one["source"] for one in said] == ["mirror", "mirror"]
