"""The fault table: each kind of action, each fault. Nothing is done twice, nothing is forgotten.

docs/actions.md shows the same table to people.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import count
from typing import Any

import pytest
from django.db import connection

from pandabase_django import actions
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, RemoteAction
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.sending import send
from tests.actions.conftest import KIND_NAMES, Shop, Try, pass_time, settled

pytestmark = pytest.mark.django_db

DONE, REFUSED, UNKNOWN = "DONE", "REFUSED", "UNKNOWN"
ERROR = {"ok": False, "error": "The bank did not answer"}


def status(code: int, **args: Any) -> dict[str, Any]:
    return {"action": "status", "args": {"status": code, **args}}


# What happens to the one request, and: how it ends, by what, whether it was executed, and how many
# requests were sent.
FAULTS: dict[str, tuple[dict[str, Any] | None, str, str, bool, int]] = {
    "no fault": (None, DONE, "ANSWER", True, 1),
    "lost before execution": ({"action": "reset"}, REFUSED, "READING", False, 1),
    "closed before execution": ({"action": "close"}, REFUSED, "READING", False, 1),
    "lost after execution": ({"action": "commit_then_reset"}, DONE, "READING", True, 1),
    "broken off": ({"action": "truncate"}, DONE, "READING", True, 1),
    "half a JSON": ({"action": "cut_json"}, DONE, "READING", True, 1),
    "no envelope": ({"action": "wrong_json"}, REFUSED, "READING", False, 1),
    "a proxy's page": ({"action": "html"}, REFUSED, "READING", False, 1),
    "a firewall's page": (
        {"action": "html", "args": {"status": 403}},
        REFUSED,
        "READING",
        False,
        1,
    ),
    "executed late": (
        {"action": "delay_then_execute", "args": {"seconds": 0.3}},
        DONE,
        "READING",
        True,
        1,
    ),
    "500": (status(500), REFUSED, "READING", False, 1),
    "503": (status(503), REFUSED, "READING", False, 1),
    "502, executed": (
        {"action": "replace_body", "args": {"status": 502, "body": ERROR}},
        DONE,
        "READING",
        True,
        1,
    ),
    "501": (status(501), REFUSED, "ANSWER", False, 1),
    "409": (status(409), REFUSED, "READING", False, 1),
    "409, executed": (
        {"action": "replace_body", "args": {"status": 409, "body": ERROR}},
        DONE,
        "READING",
        True,
        1,
    ),
    "400": (status(400), REFUSED, "ANSWER", False, 1),
    "403": (status(403, error="Missing permission REFUNDS_WRITE"), REFUSED, "ANSWER", False, 1),
    "404": (status(404), REFUSED, "ANSWER", False, 1),
    "422": (status(422), REFUSED, "ANSWER", False, 1),
    "429": (status(429, retry_after_seconds=1), DONE, "ANSWER", True, 2),
}
# The machine is one for all: two kinds meet every fault, the others those that kinds settle.
SETTLED_BY_KIND = ("no fault", "lost before execution", "lost after execution", "409, executed")
CASES = [
    (name, fault)
    for name in KIND_NAMES
    for fault in FAULTS
    if name in ("refund", "cancel") or fault in SETTLED_BY_KIND
]


@pytest.mark.fact(46, 47, 50)
@pytest.mark.parametrize(("name", "fault"), CASES)
def test_nothing_is_done_twice_and_nothing_is_forgotten(name: str, fault: str, shop: Shop) -> None:
    rule, state, by, executed, sent = FAULTS[fault]
    this = shop.attempt(name)
    if name == "fulfilment" and by == "READING":
        state, by = UNKNOWN, "TIME"  # nothing at the remote shows it
    action = this.ask()
    if rule is not None:
        shop.sandbox.fault([{"match": {"method": "POST", "path_regex": this.path + "$"}, **rule}])
    action = actions.perform(action)
    if fault == "executed late":
        wait_for(this)
    if fault == "429":
        assert (action.state, action.sent_at) == ("PREPARED", None)
        time.sleep(1.1)  # the client keeps the limit that it was told
        pass_time(action, seconds=30)
    action = settled(action)
    assert (action.state, action.settled_by) == (state, by)
    assert this.is_done() is executed
    assert shop.posts(this.path) == sent
    assert not action.is_open
    assert action.next_attempt_at is None
    assert actions.perform(action).state == state
    assert shop.posts(this.path) == sent
    if action.state == DONE:
        assert action.rows_read_at is not None
    elif state == REFUSED:
        assert action.outcome
        # It was surely not done: it can be asked for anew, as soon as the row here allows it.
        again = this.ask()
        shop.sandbox.clear_faults()
        assert settled(again).state == DONE
        assert this.is_done()


@pytest.mark.parametrize("name", ["refund", "evidence", "pause"])
def test_a_remote_that_takes_no_connection_leaves_it_prepared_for_an_hour(
    name: str, shop: Shop
) -> None:
    this = shop.attempt(name)
    action = this.ask()
    token = ApiToken.objects.get(store=shop.store)
    url, secret = token.base_url, token.secret.reveal()
    move(token, "http://127.0.0.1:9", secret)
    action = actions.perform(action)
    assert (action.state, action.sent_at, action.tries) == ("PREPARED", None, 1)
    assert "refused the connection" in action.outcome
    pass_time(action, seconds=20)
    assert actions.perform(action).tries == 2
    move(token, url, secret)
    pass_time(action, minutes=6)
    action = settled(action)
    assert (action.state, this.is_done(), shop.posts(this.path)) == (DONE, True, 1)


def test_what_can_t_be_sent_within_an_hour_is_not_sent_later(shop: Shop) -> None:
    this = shop.attempt("refund")
    action = this.ask()
    pass_time(action, minutes=61)
    action = actions.perform(action)
    assert (action.state, action.settled_by, action.sent_at) == (REFUSED, "TIME", None)
    assert action.outcome.startswith("Nothing was sent")
    assert (shop.posts(this.path), this.is_done()) == (0, False)
    assert actions.perform(action).state == REFUSED


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ["refund", "cancel"])
@pytest.mark.thorough
def test_a_worker_killed_at_any_statement_does_nothing_twice(
    name: str, after: bool, shop: Shop
) -> None:
    """Before or after each statement in turn; the row of a dead worker is anybody's."""
    ends: Counter[tuple[str, str]] = Counter()
    for number in count():
        this = shop.attempt(name)
        action = this.ask()
        left = [number]

        def kill(execute: Any, sql: str, *rest: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == -1 and not after:
                raise Killed
            answer = execute(sql, *rest)
            if left[0] == -1:
                raise Killed
            return answer

        try:
            with connection.execute_wrapper(kill):
                settled(action)
        except Killed:
            pass
        else:
            break  # it sends fewer statements than that
        action.refresh_from_db()
        pass_time(action, minutes=2)
        action = settled(action)
        ends[action.state, action.settled_by] += 1
        assert shop.posts(this.path) <= 1
        assert (action.state == DONE) is this.is_done(), number
        assert action.state in (DONE, REFUSED)
        assert (action.is_open, action.next_attempt_at) == (False, None)
    assert sum(ends.values()) > 20
    assert ends[DONE, "ANSWER"] > 5
    assert ends[DONE, "READING"]


def test_of_two_workers_one_sends(shop: Shop) -> None:
    this = shop.attempt("refund")
    action = this.ask()
    both = [RemoteAction.objects.get(pk=action.pk) for _ in range(2)]
    for one in both:
        actions.perform(one)
    assert shop.posts(this.path) == 1


def test_an_answer_that_comes_after_it_was_given_up_counts(shop: Shop) -> None:
    this = shop.attempt("pause")
    action = this.ask()
    stopped = RemoteAction.objects.select_related("store").get(pk=action.pk)
    original = stopped.refresh_from_db

    def stop_before_sending(*args: Any, **kwargs: Any) -> None:
        # Between the commit and the request this process sleeps for two hours.
        original(*args, **kwargs)
        if stopped.state == "SENT" and not RemoteAction.objects.exclude(closed_at=None).exists():
            other = RemoteAction.objects.get(pk=action.pk)
            pass_time(other, hours=2)
            assert settled(other).state == REFUSED

    stopped.refresh_from_db = stop_before_sending  # type: ignore[method-assign]
    send(stopped, kind=kind_of(action.what))
    found = RemoteAction.objects.get(pk=action.pk)
    assert (found.state, found.settled_by, this.is_done()) == (DONE, "ANSWER", True)


def wait_for(this: Try) -> None:
    deadline = time.monotonic() + 10
    while not this.is_done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def move(token: ApiToken, url: str, secret: str) -> None:
    """Let a token call another address; its seal names the address."""
    token.base_url = url
    token.secret = Secret(secret)
    token.save()
