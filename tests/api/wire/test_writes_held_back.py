"""A transport that must not write sends no write, whichever operation asks for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import responses

from pandabase_django.api.auth import NoAuth
from pandabase_django.api.client import Client
from pandabase_django.api.operations import OPERATIONS, PUBLIC_OPERATIONS, Operation
from pandabase_django.api.public import PublicClient
from pandabase_django.api.wire.egress import Egress
from pandabase_django.exceptions import PandabaseError, ReadOnly
from tests.api.wire.sending import BASE, client, transport

ALL = [*OPERATIONS.values(), *PUBLIC_OPERATIONS.values()]
# What is asked with a POST and changes nothing there.
COMPUTED = {"license_verify", "checkout_estimate"}
WRITES = [op for op in ALL if op.method != "GET" and op.name not in COMPUTED]
READS = [op for op in ALL if op not in WRITES]


def refuse() -> None:
    raise ReadOnly("This one only reads.")


def caller(op: Operation) -> Client | PublicClient:
    if op.name in PUBLIC_OPERATIONS:
        return PublicClient(transport(auth=NoAuth(), egress=Egress(before_write=refuse)))
    return client(egress=Egress(before_write=refuse))


def ask(op: Operation) -> Any:
    names = re.findall(r"{(\w+)}", op.path)
    params = {name: "json" if name == "format" else f"{name}_1" for name in names}
    params.pop("store_id")
    with caller(op) as asks:
        return asks.request(op, params=params, body=None if op.method == "GET" else {"a": 1})


@pytest.mark.parametrize("op", WRITES, ids=lambda op: op.name)
def test_no_write_leaves(op: Operation, remote: responses.RequestsMock) -> None:
    with pytest.raises(ReadOnly, match="only reads") as caught:
        ask(op)
    assert len(remote.calls) == 0
    assert not caught.value.outcome_unknown
    assert not caught.value.retryable


@pytest.mark.parametrize("op", READS, ids=lambda op: op.name)
def test_what_changes_nothing_passes(op: Operation, remote: responses.RequestsMock) -> None:
    anything = re.compile(re.escape(BASE))
    remote.add(op.method, anything, json={"ok": True, "data": {}})
    ask(op)
    assert len(remote.calls) == 1


def test_no_secret_is_rolled(remote: responses.RequestsMock) -> None:
    with client(egress=Egress(before_write=refuse)) as asks, pytest.raises(ReadOnly):
        asks.roll_secret("stk_1")
    assert len(remote.calls) == 0


def test_a_probe_passes(remote: responses.RequestsMock) -> None:
    remote.get(f"{BASE}/v2/core/stores/shp_1", json={"ok": True, "data": {}})
    with client(egress=Egress(before_write=refuse)) as asks:
        assert asks.probe().status == 200


def test_the_table_has_as_many_writes_as_the_vendor_documents() -> None:
    """So that an operation which is marked as computing by mistake shows."""
    assert {op.name for op in ALL if op.method != "GET" and op.repeatable} == COMPUTED
    # 28 of the Store API, rolling a secret, and opening a checkout.
    assert len(WRITES) == 30
    assert issubclass(ReadOnly, PandabaseError)
