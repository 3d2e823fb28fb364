"""Questions about licences, as a shop's own software asks them."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from pandabase_django.sandbox import Sandbox

__all__ = ["ask", "asked", "away", "revoke"]


def ask(key: object, status: int = 200, *, client: Client | None = None, **more: Any) -> Any:
    headers = more.pop("headers", {})
    answer = (client or Client()).post(
        "/licenses/verify",
        data=json.dumps({"key": key, **more}),
        content_type="application/json",
        headers=headers,
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def asked(sandbox: Sandbox) -> int:
    return sum(one["path"].endswith("/licenses/verify") for one in sandbox.requests())


def away(sandbox: Sandbox) -> None:
    rule = {"match": {"path_regex": "/licenses/verify"}, "action": "status", "times": 0}
    sandbox.fault([{**rule, "args": {"status": 503}}])


def revoke(sandbox: Sandbox, licence: dict[str, Any]) -> None:
    order = sandbox.state.ids.index_of("order", licence["orderId"])
    sandbox.change([{"op": "refund_order", "index": order}])
