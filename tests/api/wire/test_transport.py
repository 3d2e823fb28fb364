"""What is sent, how often, and what comes of every kind of answer."""

from __future__ import annotations

import json
import pickle
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import responses
from django.core.cache.backends.locmem import LocMemCache

from pandabase_django.api.wire.rate import MemoryRateState
from pandabase_django.exceptions import (
    APIError,
    ForeignAnswer,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    RateLimited,
    ServerError,
    StateConflict,
    UnfitId,
)
from pandabase_django.services.tokens.rates import CacheRateState
from tests.api.wire.sending import BASE, OK, URL, Clock, client


@pytest.mark.fact(9)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, InvalidCredential),
        (403, MissingPermission),
        (404, ObjectNotFound),
        (409, StateConflict),
        (418, APIError),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
    ],
)
@pytest.mark.parametrize("error", ["no luck", {"code": "X", "message": "no luck"}])
def test_each_status_has_its_error_with_the_request_id(
    remote: responses.RequestsMock, status: int, kind: type[APIError], error: Any
) -> None:
    body = {"ok": False, "error": error}
    remote.get(URL, json=body, status=status, headers={"X-Request-ID": "req_9"})
    with pytest.raises(kind) as caught:
        client(retries=0).products.list()
    assert (caught.value.status, caught.value.request_id) == (status, "req_9")
    assert "no luck" in str(caught.value)
    assert "req_9" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), vars(again)) == (kind, str(caught.value), vars(caught.value))


@pytest.mark.fact(9)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize(
    "body", [b"", b"<h1>PRODUCTS_READ</h1>", b'{"message":"Forbidden"}', b'{"ok":true,"data":{}}']
)
def test_an_error_that_is_not_the_remotes_own_says_nothing_of_what_was_asked(
    remote: responses.RequestsMock, status: int, body: bytes
) -> None:
    remote.get(URL, body=body, status=status, headers={"X-Request-ID": "req_9"})
    opened = client(retries=0)
    with pytest.raises(ForeignAnswer, match="Not in the Store API's own form") as caught:
        opened.products.list()
    assert (caught.value.status, caught.value.request_id) == (status, "req_9")
    assert opened.denied == frozenset()


def test_a_request_id_that_a_database_or_a_log_cant_take_is_cleaned(
    remote: responses.RequestsMock,
) -> None:
    # It is stored with the answer to a roll: a NUL would keep PostgreSQL from taking the secret.
    wild = {"X-Request-ID": "req\x00\x1b[31m\xe4 9" + "a" * 300}
    remote.get(URL, json={"ok": False, "error": "no"}, status=400, headers=wild)
    with pytest.raises(InvalidRequest) as caught:
        client(retries=0).products.list()
    assert caught.value.request_id.startswith("req??[31m??9aaa")
    assert len(caught.value.request_id) == 200


@pytest.mark.fact(9)
def test_a_403_is_read_for_codes_and_remembered(remote: responses.RequestsMock) -> None:
    text = f"Missing permissions: PRODUCTS_READ, SOME_NEW_THING_WRITE, {'X' * 96}_READ."
    remote.get(URL, json={"ok": False, "error": text}, status=403)
    opened = client()
    with pytest.raises(MissingPermission) as caught:
        opened.products.list()
    assert caught.value.codes == ("PRODUCTS_READ", "SOME_NEW_THING_WRITE")
    assert opened.denied == {"PRODUCTS_READ", "SOME_NEW_THING_WRITE"}


def test_the_remotes_words_are_masked_and_shortened(remote: responses.RequestsMock) -> None:
    text = "bad sk_live_secret123\nsignature " + "a" * 64 + " x" * 400
    remote.get(URL, json={"ok": False, "error": text}, status=400)
    with pytest.raises(InvalidRequest) as caught:
        client().products.list()
    assert "secret123" not in str(caught.value)
    assert "a" * 64 not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(caught.value.message) <= 300


@pytest.mark.fact(3)
def test_a_redirect_is_not_followed(remote: responses.RequestsMock) -> None:
    remote.get(URL, status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(ProtocolError, match="redirects"):
        client(retries=0).products.list()
    assert len(remote.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>busy</html>",
        '{"ok": true, "data": {"items"',
        "[]",
        '{"ok": false, "error": "x"}',
        '{"data": {}}',
        '{"ok": true, "data": null}',
        '{"ok": true, "data": {"items": {}}}',
        "[" * 100_000,
        '{"ok": true, "data": ' + "9" * 5000 + "}",
        b"\xff\xfe",
    ],
    ids=range(11),
)
def test_a_200_that_is_not_the_envelope_is_a_protocol_error(
    remote: responses.RequestsMock, body: Any
) -> None:
    remote.get(URL, body=body, status=200)
    with pytest.raises(ProtocolError):
        client(retries=0).products.list()


def test_a_read_is_tried_again_and_a_write_is_not(remote: responses.RequestsMock) -> None:
    remote.get(URL, status=503, json={"ok": False, "error": "busy"})
    remote.get(URL, json=OK)
    assert client().products.list().total == 0
    remote.post(URL, status=503, json={"ok": False, "error": "busy"})
    with pytest.raises(ServerError):
        client().products.create({"title": "x"})
    assert [call.request.method for call in remote.calls] == ["GET", "GET", "POST"]


@pytest.mark.fact(10)
def test_a_write_that_was_refused_by_a_limit_goes_again_with_its_key(
    remote: responses.RequestsMock,
) -> None:
    remote.post(URL, status=429, json={"ok": False, "error": "slow"}, headers={"Retry-After": "1"})
    remote.post(URL, status=201, json={"ok": True, "data": {"id": "prd_1"}})
    clock = Clock()
    assert client(clock=clock).products.create({"title": "x"}).id == "prd_1"
    assert 1 <= sum(clock.slept) < 2
    keys = {call.request.headers["Idempotency-Key"] for call in remote.calls}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_a_limit_that_ends_at_once_is_not_asked_without_end(remote: responses.RequestsMock) -> None:
    slow = {"ok": False, "error": "slow"}
    remote.get(URL, status=429, json=slow, headers={"Retry-After": "0"})
    with pytest.raises(RateLimited):
        client(max_wait_seconds=20).products.list()
    assert len(remote.calls) <= 21


def test_a_permission_that_is_not_declared_is_not_tried(remote: responses.RequestsMock) -> None:
    with pytest.raises(MissingPermission) as caught:
        client(declared_permissions=frozenset({"ORDERS_READ"})).products.list()
    assert caught.value.sent is False
    assert len(remote.calls) == 0


@pytest.mark.fact(29)
@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("GlobalResource", "ip"),
        ("AccountResource", "token:t1"),
        ("StoreResource", "store:shp_1"),
        ("SomethingNew", "token:t1"),
    ],
)
@pytest.mark.parametrize("spelt", [str, str.lower])
def test_a_429_blocks_the_scope_it_names_until_its_reset(
    remote: responses.RequestsMock, kind: str, scope: str, spelt: Callable[[str], str]
) -> None:
    reset = time.time() + 500
    headers = {spelt("X-RateLimit-Type"): kind, spelt("X-RateLimit-Reset"): str(int(reset))}
    remote.get(URL, status=429, json={"ok": False, "error": "slow"}, headers=headers)
    state = MemoryRateState()
    opened = client(rate_state=state, token_key="t1", max_wait_seconds=60)
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            opened.products.list()
        assert 400 < (caught.value.retry_after_seconds or 0) <= 500
    assert len(remote.calls) == 1
    assert state.blocked_until([scope]) == int(reset)


@pytest.mark.fact(29)
def test_an_exhausted_limit_is_waited_for_before_the_next_request(
    remote: responses.RequestsMock,
) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    remote.get(URL, json=OK, headers=headers)
    remote.get(URL, json=OK)
    clock = Clock()
    opened = client(clock=clock)
    opened.products.list()
    assert clock.slept == []
    opened.products.list()
    (waited,) = clock.slept
    assert 25 < waited <= 31
    assert opened.traffic.seconds_waited == waited


@pytest.mark.parametrize("bad", ["", ".", "..", "a\ud800"])
def test_an_id_that_no_path_can_hold_is_refused_unsent(bad: str) -> None:
    with pytest.raises(UnfitId) as caught:
        client().orders.get(bad)
    assert isinstance(caught.value, PandabaseError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "odd",
    ["../x", "a/../b", "a/b", "a?b", "a b", "%2e", "%2e%2e", "é", "a+b=", "a:b", "...", "a\n"],
)
def test_any_other_id_is_one_segment_of_the_path(odd: str, remote: responses.RequestsMock) -> None:
    remote.get(re.compile(".*"), json={"ok": True, "data": {"id": odd}}, status=200)
    client().request("order_get", params={"order_id": odd})
    sent = remote.calls[0].request.path_url
    assert sent == f"/v2/core/stores/shp_1/orders/{quote(odd, safe='')}"


def test_an_unknown_filter_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="products_list takes no query parameter updated_since"):
        client().products.list(updated_since="2026")


@pytest.mark.fact(16)
def test_rolling_sends_once_and_reads_nothing_into_the_answer(
    remote: responses.RequestsMock,
) -> None:
    url = f"{BASE}/v2/stores/shp_1/tokens/stk_1/roll-secret"
    remote.post(url, status=500, body="sk_test_new", headers={"X-Request-ID": "r"})
    reply = client().roll_secret("stk_1")
    assert (reply.status, reply.body, reply.request_id) == (500, b"sk_test_new", "r")
    assert "sk_test_new" not in repr(reply)
    assert len(remote.calls) == 1


class CacheThatHangs(LocMemCache):
    """Hangs when something is kept, until somebody interrupts that."""

    def set(self, *_: Any, **__: Any) -> None:
        raise KeyboardInterrupt


@pytest.mark.fact(16)
def test_no_cache_stands_between_the_answer_to_a_roll_and_its_keeping(
    remote: responses.RequestsMock, settings: Any
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CacheThatHangs"}}
    reset = str(int(time.time()) + 60)
    last = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    url = f"{BASE}/v2/stores/shp_1/tokens/stk_1/roll-secret"
    remote.post(url, body="sk_test_new", headers=last)
    remote.get(URL, json=OK, headers=last)
    asking = client(rate_state=CacheRateState())
    assert asking.roll_secret("stk_1").body == b"sk_test_new"
    with pytest.raises(KeyboardInterrupt):  # these headers would have been kept
        asking.products.list()


@pytest.mark.fact(7, 10)
def test_any_operation_can_be_called_by_its_name(remote: responses.RequestsMock) -> None:
    url = f"{BASE}/v2/core/stores/shp_1/refunds/orders/ord_1"
    remote.post(url, json={"ok": True, "data": {"id": "rfd_1"}})
    body = {"reason": "DUPLICATE"}
    reply = client().request("order_refund", params={"order_id": "ord_1"}, body=body)
    assert reply.data == {"id": "rfd_1"}
    assert json.loads(remote.calls[0].request.body or b"") == body
