from __future__ import annotations

import json
import socket
import time

import pytest
import requests

from pandabase_django.sandbox import RuleRefused
from tests.sandbox.conftest import Caller


def test_a_rule_strikes_the_nth_match_so_many_times(caller: Caller) -> None:
    rule = {
        "match": {"method": "GET", "path_regex": "/products/?$", "query": {"page": 2}},
        "nth": 2,
        "times": 2,
        "action": "status",
        "args": {"status": 503, "error": "busy", "headers": {"X-Extra": "1"}},
    }
    caller.sandbox.fault([rule])
    assert caller.send("GET", "/products?page=1").status_code == 200
    answers = [caller.send("GET", "/products?page=2") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].json() == {"ok": False, "error": "busy"}
    assert answers[1].headers["X-Extra"] == "1"
    assert answers[1].headers["X-Request-ID"]


def test_a_rule_without_end_lasts_until_cleared(caller: Caller) -> None:
    caller.sandbox.fault([{"action": "html", "times": 0, "args": {"status": 502}}])
    for _ in range(3):
        response = caller.send("GET", "/orders")
        assert response.status_code == 502
        assert response.headers["Content-Type"].startswith("text/html")
    caller.sandbox.clear_faults()
    assert caller.send("GET", "/orders").status_code == 200


def test_a_rule_may_name_one_token(caller: Caller) -> None:
    bearer = caller.sandbox.bearer_token
    caller.sandbox.fault([{"match": {"token_id": bearer.token_id}, "action": "status"}])
    assert caller.send("GET", "").status_code == 200
    other = Caller(caller.sandbox, bearer)
    assert other.send("GET", "").status_code == 500
    other.session.close()


def test_rules_in_turn_strike_one_after_the_other(caller: Caller) -> None:
    rules = [
        {"action": "status", "args": {"status": status}, "times": times, "in_turn": True}
        for status, times in ((502, 1), (503, 2))
    ]
    caller.sandbox.fault([*rules, {"action": "edit_body", "args": {}, "times": 0}])
    answers = [caller.send("GET", "/orders").status_code for _ in range(4)]
    assert answers == [502, 503, 503, 200]


@pytest.mark.parametrize("action", ["reset", "close", "unreachable"])
def test_a_dropped_connection_executes_nothing(caller: Caller, action: str) -> None:
    caller.sandbox.fault([{"action": action}])
    with pytest.raises(requests.ConnectionError):
        caller.send("DELETE", f"/products/{caller.sandbox.dump('products')[0]['id']}")
    assert caller.sandbox.counts()["products"] == 30


def test_a_lost_reply_has_been_executed(caller: Caller) -> None:
    caller.sandbox.fault([{"action": "commit_then_reset"}])
    with pytest.raises(requests.ConnectionError):
        caller.send("DELETE", f"/products/{caller.sandbox.dump('products')[0]['id']}")
    assert caller.sandbox.counts()["products"] == 29


def test_a_request_may_execute_after_its_connection_dropped(caller: Caller) -> None:
    rule = {"action": "delay_then_execute", "args": {"seconds": 0.3, "answer": "reset"}}
    caller.sandbox.fault([rule, {"action": "none"}])
    with pytest.raises(requests.ConnectionError):
        caller.send("DELETE", f"/products/{caller.sandbox.dump('products')[0]['id']}")
    assert caller.sandbox.counts()["products"] == 30
    deadline = time.monotonic() + 5
    while caller.sandbox.counts()["products"] == 30 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert caller.sandbox.counts()["products"] == 29


def test_a_truncated_body_is_shorter_than_promised(caller: Caller) -> None:
    caller.sandbox.fault([{"action": "truncate", "args": {"bytes": 30}}])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller.send("GET", "/orders")


def test_cut_json_arrives_whole_and_is_no_json(caller: Caller) -> None:
    caller.sandbox.fault([{"action": "cut_json"}])
    response = caller.send("GET", "/orders")
    assert response.status_code == 200
    with pytest.raises(ValueError):
        json.loads(response.content)


@pytest.mark.parametrize(
    ("action", "args", "expected"),
    [
        ("wrong_json", {}, {"unexpected": ["shape"]}),
        ("null_data", {}, {"ok": True, "data": None}),
        ("replace_body", {"body": {"a": 1}}, {"a": 1}),
        ("replace_body", {"body": "[]", "status": 201}, []),
    ],
)
def test_the_content_may_be_anything(caller: Caller, action: str, args: dict, expected) -> None:
    caller.sandbox.fault([{"action": action, "args": args}])
    response = caller.send("GET", "/categories")
    assert response.json() == expected
    assert response.status_code == args.get("status", 200)


def test_lists_may_be_empty_doubled_or_edited(caller: Caller) -> None:
    whole = caller.get("/categories")
    caller.sandbox.fault(
        [
            {"action": "empty_page"},
            {"nth": 2, "action": "duplicate_items", "args": {"count": 2}},
            {"nth": 3, "action": "edit_body", "args": {"set": {"data.pagination.total": 3}}},
        ]
    )
    assert caller.get("/categories") == {**whole, "items": []}
    assert caller.get("/categories")["items"] == whole["items"] + whole["items"][:2]
    assert caller.get("/categories")["pagination"]["total"] == 3
    assert caller.get("/categories") == whole


@pytest.mark.parametrize("action", ["empty_page", "duplicate_items", "edit_total"])
def test_what_is_no_list_stays_as_it_is(caller: Caller, action: str) -> None:
    whole = caller.get("")
    caller.sandbox.fault([{"action": action}])
    assert caller.get("") == whole


@pytest.mark.parametrize("action", ["empty_page", "duplicate_items", "edit_total", "null_data"])
def test_what_another_rule_has_made_no_json_stays_as_it_is(caller: Caller, action: str) -> None:
    caller.sandbox.fault([{"action": action}, {"action": "html"}])
    response = caller.send("GET", "/categories")
    assert (response.status_code, response.text[:9]) == (200, "<!doctype")


def test_answers_may_be_late_or_drip(caller: Caller) -> None:
    caller.sandbox.fault(
        [
            {"action": "delay", "args": {"seconds": 0.3}},
            {"nth": 2, "action": "drip", "args": {"bytes": 200, "seconds": 0.05}},
        ]
    )
    for _ in range(2):
        started = time.perf_counter()
        assert caller.get("")["id"] == caller.sandbox.store_id
        assert time.perf_counter() - started > 0.05


def test_the_store_changes_while_someone_pages(caller: Caller) -> None:
    rule = {
        "match": {"path_prefix": f"/v2/core/stores/{caller.sandbox.store_id}/orders"},
        "nth": 2,
        "changes": [{"op": "create_order"}, {"op": "delete_product", "index": 0}],
    }
    caller.sandbox.fault([rule])
    assert caller.get("/orders?page=1")["pagination"]["total"] == 650
    assert caller.get("/orders?page=2")["pagination"]["total"] == 651
    assert caller.get("/orders?page=3")["pagination"]["total"] == 651
    assert caller.sandbox.counts()["products"] == 29


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"match": {"colour": "red"}},
        {"nth": 0},
        {"times": -1},
        {"nth": "2"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(caller: Caller, rule: dict) -> None:
    with pytest.raises(RuleRefused):
        caller.sandbox.fault([{"action": "reset"}, rule])
    assert caller.send("GET", "").status_code == 200, "none of them was added"


def test_a_redirect_has_the_target_and_the_body_that_are_given(caller: Caller) -> None:
    target = {"location": "http://127.0.0.1:99999999/", "status": 303, "body": "new", "bytes": 5}
    caller.sandbox.fault([{"action": "redirect", "args": target}])
    answer = _spoken(caller, "GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 303 ")
    assert b"Location: http://127.0.0.1:99999999/\r\n" in answer
    assert answer.endswith(b"new     ")


@pytest.mark.parametrize(
    ("part", "beginning"),
    [
        ("status", b"HTTP/1.1 200 OOO"),
        ("header", b"HTTP/1.1 200 OK\r\nX-Long: aaa"),
        ("chunk_size", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000"),
        ("trailer", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nX: y\r\n"),
        ("continue", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_part_of_the_head_drips(caller: Caller, part: str, beginning: bytes) -> None:
    args = {"part": part, "seconds": 0.01, "times": 3}
    caller.sandbox.fault([{"action": "drip_head", "args": args}])
    assert _spoken(caller, "GET /v2/ HTTP/1.1\r\n\r\n").startswith(beginning)


def _spoken(caller: Caller, request: str) -> bytes:
    host, _, port = caller.sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer
