"""A sandbox for each test, and a caller that signs by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pandabase_django.sandbox import Sandbox, Token


class Caller:
    """Plain requests, signed here by neither the client's code nor the sandbox's."""

    def __init__(self, sandbox: Sandbox, token: Token) -> None:
        self.sandbox = sandbox
        self.token = token
        self.secret = token.secret
        self.session = requests.Session()
        self.session.trust_env = False

    def sign(self, body: bytes) -> str:
        key = hashlib.sha256(self.secret.encode()).hexdigest().encode()
        return hmac.new(key, body, hashlib.sha256).hexdigest()

    def send(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        raw = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        if self.token.mode == "HMAC":
            sent = {"Authorization": f"Bearer {self.token.token_id}", "X-Signature": self.sign(raw)}
        else:
            sent = {"Authorization": f"Bearer {self.secret}"}
        if not path.startswith("/v2/"):
            path = f"/v2/core/stores/{self.sandbox.store_id}{path}"
        return self.session.request(
            method,
            self.sandbox.url + path,
            data=raw or None,
            headers={**sent, **(headers or {})},
            timeout=10,
            allow_redirects=False,
        )

    def get(self, path: str) -> Any:
        response = self.send("GET", path)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def everything(self, path: str, *, limit: int = 100) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        page = 1
        while True:
            mark = "&" if "?" in path else "?"
            data = self.get(f"{path}{mark}limit={limit}&page={page}")
            items += data["items"]
            if page >= data["pagination"]["totalPages"]:
                assert len(items) == data["pagination"]["total"]
                return items
            page += 1


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, products=30, orders=650) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Iterator[Caller]:
    found = Caller(sandbox, sandbox.hmac_token)
    yield found
    found.session.close()


@pytest.fixture
def control(sandbox: Sandbox) -> Iterator[Any]:
    """Calls the control path as a test in another process would."""
    session = requests.Session()
    session.trust_env = False

    def call(method: str, path: str, body: Any = None) -> requests.Response:
        return session.request(method, sandbox.control_url + path, json=body, timeout=10)

    yield call
    session.close()
