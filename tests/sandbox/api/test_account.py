from __future__ import annotations

import time

import pytest

from pandabase_django.sandbox import Sandbox
from tests.sandbox.conftest import Caller


def roll(caller: Caller, token_id: str):
    return caller.send(
        "POST", f"/v2/stores/{caller.sandbox.store_id}/tokens/{token_id}/roll-secret"
    )


@pytest.mark.fact(15, 16)
@pytest.mark.parametrize("mode", ["HMAC", "BEARER"])
def test_rolling_voids_the_old_secret_at_once(sandbox: Sandbox, mode: str) -> None:
    token = sandbox.hmac_token if mode == "HMAC" else sandbox.bearer_token
    caller = Caller(sandbox, token)
    old = caller.secret
    secret = roll(caller, token.token_id).json()["data"]["secret"]
    assert secret.startswith("sk_")
    assert secret != old
    assert caller.send("GET", "").status_code == 401
    caller.secret = secret
    assert caller.send("GET", "").status_code == 200
    assert roll(caller, "stk_unknown").status_code == 404
    caller.session.close()


@pytest.mark.fact(16)
@pytest.mark.parametrize(
    ("shape", "read"),
    [
        ("data.secret", lambda data: data["secret"]),
        ("data.token.secret", lambda data: data["token"]["secret"]),
        ("string", lambda data: data),
        ("unknown", lambda data: data["result"]["credential"]["value"]),
    ],
)
def test_the_reply_to_a_roll_has_the_shape_that_was_set(caller: Caller, shape, read) -> None:
    caller.sandbox.set(roll_reply=shape)
    data = roll(caller, caller.token.token_id).json()["data"]
    assert read(data) == caller.sandbox.secret_of(caller.token.token_id)


def test_the_reply_to_a_roll_may_lack_the_secret(caller: Caller) -> None:
    caller.sandbox.set(roll_reply="none")
    response = roll(caller, caller.token.token_id)
    assert response.status_code == 200
    assert caller.sandbox.secret_of(caller.token.token_id) not in response.text


@pytest.mark.fact(16)
@pytest.mark.parametrize(
    ("callers", "own", "others"),
    [("any", 200, 200), ("self", 200, 403), ("other", 403, 200), ("nobody", 403, 403)],
)
def test_who_may_roll_is_a_setting(caller: Caller, callers: str, own: int, others: int) -> None:
    caller.sandbox.set(roll_callers=callers)
    assert roll(caller, caller.sandbox.bearer_token.token_id).status_code == others
    assert roll(caller, caller.token.token_id).status_code == own


@pytest.mark.fact(18)
def test_request_logs_tell_of_former_requests(caller: Caller) -> None:
    caller.get("/orders?limit=3")
    caller.send("GET", "/nothing")
    path = f"/v2/stores/{caller.sandbox.store_id}/api-logs"
    data = caller.get(path + "?limit=2")
    assert data["pagination"]["total"] == 2
    newest, older = data["items"]
    assert (newest["method"], newest["statusCode"]) == ("GET", 404)
    assert older["path"].endswith("/orders")
    assert set(older) == {
        "id", "method", "path", "statusCode", "responseTime", "ipAddress", "createdAt",
    }  # fmt: skip


@pytest.mark.fact(29)
def test_requests_over_the_limit_are_429_until_the_reset(caller: Caller) -> None:
    caller.sandbox.set(rate_limit=3)
    time.sleep(1 - time.time() % 1)  # windows begin on the second
    answers = [caller.send("GET", "/categories?limit=1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:3]] == ["2", "1", "0"]
    assert answers[3].json()["ok"] is False
    other = Caller(caller.sandbox, caller.sandbox.bearer_token)
    assert other.send("GET", "").status_code == 200
    other.session.close()
    time.sleep(max(0, int(answers[3].headers["X-RateLimit-Reset"]) - time.time()))
    assert caller.send("GET", "").status_code == 200


@pytest.mark.fact(7)
def test_errors_are_texts_or_objects_as_set(caller: Caller) -> None:
    assert isinstance(caller.send("GET", "/nothing").json()["error"], str)
    caller.sandbox.set(error_style="object")
    error = caller.send("GET", "/nothing").json()["error"]
    assert error == {"code": "not_found", "message": "Not found"}
