from __future__ import annotations

import pytest
import requests

from pandabase_django.sandbox import Sandbox
from tests.sandbox.conftest import Caller

# Computed with OpenSSL's command line, not with any code of this project.
VECTORS = [
    ("sk_live_abc123", b"", "7de3ade325949368dae90e7a238b4a2ca07fc7ad87cd5cf11696bc1e58fb4e3d"),
    (
        "sk_live_abc123",
        b'{"name":"New Product","amount":2999,"type":"ONE_TIME"}',
        "0fe7dd0edb8678e5e861c37915af40ee78611a51c97ff38979a535fe7851f8b3",
    ),
    (
        "sk_live_abc123",
        '{"title":"Crème brûlée ☕ 🐼"}'.encode(),
        "794a8330db96e7f0610494c591c4b055a41b3f1f3040866f7a9acd7dc7a1f481",
    ),
    (
        "sk_test_Z",
        b'line1\nline2\r\n\t{"a":[1,2,3]}\n',
        "baf08c95134c602a6d2344d2207d71600e1e3e0812f25a8be33297f6713ba50f",
    ),
]


@pytest.mark.fact(5)
@pytest.mark.parametrize(("secret", "body", "signature"), VECTORS)
def test_a_signature_made_by_openssl_is_accepted(
    sandbox: Sandbox, secret: str, body: bytes, signature: str
) -> None:
    token = sandbox.add_token(mode="HMAC", secret=secret)
    response = requests.post(
        f"{sandbox.url}/v2/core/stores/{sandbox.store_id}/products",
        data=body,
        headers={"Authorization": f"Bearer {token.token_id}", "X-Signature": signature},
        timeout=10,
    )
    assert response.status_code in (400, 422), "past authentication, refused for its content"


@pytest.mark.fact(4)
def test_a_bearer_secret_is_accepted(sandbox: Sandbox) -> None:
    caller = Caller(sandbox, sandbox.bearer_token)
    assert caller.get("")["id"] == sandbox.store_id
    caller.session.close()


def headers_of(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    hmac, bearer = sandbox.hmac_token, sandbox.bearer_token
    good = hmac.sign(b"").decode()
    stk = f"Bearer {hmac.token_id}"
    return {
        "nothing": {},
        "another scheme": {"Authorization": f"Basic {bearer.secret}"},
        "a wrong secret": {"Authorization": "Bearer sk_test_wrong"},
        "an HMAC secret used as bearer": {"Authorization": f"Bearer {hmac.secret}"},
        "a token id without signature": {"Authorization": stk},
        "a wrong signature": {"Authorization": stk, "X-Signature": "0" * 64},
        "an upper-case signature": {"Authorization": stk, "X-Signature": good.upper()},
        "a non-ASCII signature": {"Authorization": stk, "X-Signature": "é" * 64},
        "a signature of another body": {
            "Authorization": stk,
            "X-Signature": hmac.sign(b"{}").decode(),
        },
        "an unknown token id": {"Authorization": "Bearer stk_unknown", "X-Signature": good},
        "a bearer token's id": {
            "Authorization": f"Bearer {bearer.token_id}",
            "X-Signature": bearer.sign(b"").decode(),
        },
    }


@pytest.mark.fact(9)
def test_bad_authentication_is_401_and_says_no_more(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/v2/core/stores/{sandbox.store_id}/products"
    for name, headers in headers_of(sandbox).items():
        raw = {key: value.encode("latin-1") for key, value in headers.items()}
        response = requests.get(url, headers=raw, timeout=10)
        assert response.status_code == 401, name
        assert response.json()["ok"] is False
        assert "sk_" not in response.text


def test_a_revoked_token_is_401(caller: Caller, control) -> None:
    assert caller.send("GET", "").status_code == 200
    assert control("DELETE", f"/tokens/{caller.token.token_id}").status_code == 200
    assert caller.send("GET", "").status_code == 401
    assert control("DELETE", f"/tokens/{caller.token.token_id}").status_code == 404


@pytest.mark.fact(12)
def test_a_missing_permission_is_403_and_named(sandbox: Sandbox, control) -> None:
    control("POST", "/tokens", {"mode": "HMAC", "permissions": ["ORDERS_READ"]})
    token = sandbox.add_token(permissions=("ORDERS_READ",))
    caller = Caller(sandbox, token)
    assert caller.send("GET", "/orders").status_code == 200
    for method, path, code in [
        ("GET", "/products", "PRODUCTS_READ"),
        ("POST", "/products", "PRODUCTS_WRITE"),
        ("GET", "", "STORE_READ"),
        ("GET", "/coupons", "COUPONS_READ"),
    ]:
        response = caller.send(method, path)
        assert response.status_code == 403
        assert code in response.json()["error"]
    caller.session.close()


@pytest.mark.fact(14)
def test_a_store_has_at_most_25_tokens(sandbox: Sandbox) -> None:
    for _ in range(23):
        sandbox.add_token()
    with pytest.raises(ValueError, match="25"):
        sandbox.add_token()


def test_a_token_never_shows_its_secret(sandbox: Sandbox, caller: Caller, control) -> None:
    caller.get("")
    secret, signature = sandbox.hmac_token.secret, caller.sign(b"")
    assert secret not in repr(sandbox.hmac_token)
    assert signature not in repr(sandbox.hmac_token)
    shown = control("GET", "/requests").text + control("GET", "/tokens").text
    assert secret not in shown
    assert signature not in shown
    assert sandbox.secret_of(caller.token.token_id) == secret
