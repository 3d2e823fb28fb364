"""The table of operations is the vendor's, whole."""

from __future__ import annotations

import re

import pytest

from pandabase_django.api.operations import OPERATIONS
from pandabase_django.api.permissions import KNOWN_PERMISSIONS, codes_in, split
from tests.facts.store_api import FACTS, shape


@pytest.mark.fact(12)
def test_there_are_71_operations_and_two_of_administration() -> None:
    core = [op for op in OPERATIONS.values() if op.path.startswith("/v2/core/")]
    assert (len(core), len(OPERATIONS)) == (71, 73)
    assert all(op.permission in KNOWN_PERMISSIONS for op in core)


@pytest.mark.fact(1)
def test_paths_lie_below_the_store_of_their_kind() -> None:
    of_tokens = {"secret_roll", "request_logs_list"}
    for name, op in OPERATIONS.items():
        root = "/v2/stores/" if name in of_tokens else "/v2/core/stores/"
        path = op.fill(dict.fromkeys(re.findall(r"{(\w+)}", op.path), "x") | {"store_id": "shp_1"})
        assert f"{path}/".startswith(f"{root}shp_1/"), name


@pytest.mark.fact(2, 12)
def test_the_table_has_the_vendors_paths_permissions_and_queries() -> None:
    found = {
        (
            op.method,
            shape(op.path.removeprefix("/v2/core/stores/{store_id}")),
            op.permission,
            op.query,
        )
        for op in OPERATIONS.values()
        if op.path.startswith("/v2/core/")
    }
    assert found == {(fact.method, fact.path, fact.permission, fact.query) for fact in FACTS}


@pytest.mark.fact(11)
def test_there_are_33_permission_codes() -> None:
    assert len(KNOWN_PERMISSIONS) == len(set(KNOWN_PERMISSIONS)) == 33
    assert "ANALYTICS_WRITE" not in KNOWN_PERMISSIONS
    assert split("SOME_NEW_THING_READ") == ("SOME_NEW_THING", "READ")
    assert split("ODD") == ("ODD", "")
    assert codes_in("needs ORDERS_READ and ORDERS_READ, not orders_write") == ("ORDERS_READ",)
