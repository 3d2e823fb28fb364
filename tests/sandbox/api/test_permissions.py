"""Each operation needs its one permission, and no other one."""

from __future__ import annotations

import re

import pytest

from pandabase_django.sandbox import ALL_PERMISSIONS
from tests.facts.store_api import FACTS, Fact
from tests.sandbox.conftest import Caller


@pytest.mark.fact(12)
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.method} {fact.path}")
def test_each_operation_needs_its_own_permission_alone(caller: Caller, fact: Fact) -> None:
    path = "/" + re.sub("{}", "x", fact.path)
    others = tuple(code for code in ALL_PERMISSIONS if code != fact.permission)
    caller.sandbox.permit_token(caller.token.token_id, others)
    refused = caller.send(fact.method, path)
    assert refused.status_code == 403
    assert refused.json()["error"] == f"Missing required permissions: {fact.permission}"
    caller.sandbox.permit_token(caller.token.token_id, (fact.permission,))
    assert caller.send(fact.method, path).status_code in (200, 400, 404, 422)
