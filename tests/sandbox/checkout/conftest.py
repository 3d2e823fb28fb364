"""A sandbox whose products are known, and somebody without a token who calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from pandabase_django.sandbox import Sandbox

__all__ = ["Stranger", "product"]


class Stranger:
    """Plain requests without any credential."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        raw = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self.session.request(method, self.sandbox.url + path, timeout=10, **raw)

    def open(self, **body: Any) -> Any:
        """Open a session; the answer's data."""
        response = self.call("POST", f"/v2/stores/{self.sandbox.store_id}/checkouts", body)
        assert response.status_code == 201, response.text
        return response.json()["data"]

    def refused(self, **body: Any) -> tuple[int, str]:
        """Status and text of a refusal."""
        response = self.call("POST", f"/v2/stores/{self.sandbox.store_id}/checkouts", body)
        return response.status_code, response.json()["error"]

    def estimate(self, **body: Any) -> Any:
        path = f"/v2/stores/{self.sandbox.store_id}/checkouts/estimate"
        response = self.call("POST", path, body)
        assert response.status_code == 200, response.text
        return response.json()["data"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, products=5, orders=10, async_payment_seconds=0.0) as running:
        yield running


@pytest.fixture
def stranger(sandbox: Sandbox) -> Iterator[Stranger]:
    found = Stranger(sandbox)
    yield found
    found.session.close()


@pytest.fixture
def product(sandbox: Sandbox) -> Callable[..., str]:
    """Makes a product that is on sale; returns its id."""

    def make(**fields: Any) -> str:
        given = {"title": "Pro plan", "price": 2900, "status": "ACTIVE", **fields}
        return sandbox.change([{"op": "create_product", "fields": given}])[0]

    return make
