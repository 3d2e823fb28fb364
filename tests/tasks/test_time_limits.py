"""A soft time limit ends the task wherever it strikes: nothing may hold it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.dispatch import Signal

from pandabase_django import signals, tasks
from pandabase_django.models import Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.rates import CacheRateState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 5, "orders": 10}


def _strike(*args: Any, **kwargs: Any) -> NoReturn:
    raise SoftTimeLimitExceeded


@pytest.fixture(params=["product_synced", "order_synced", "sync_finished"])
def struck(request: pytest.FixtureRequest) -> Iterator[str]:
    signal: Signal = getattr(signals, request.param)
    signal.connect(_strike)
    yield request.param
    signal.disconnect(_strike)


def test_a_limit_that_strikes_inside_a_receiver_ends_the_sync(
    sandbox: Sandbox, store: Store, struck: str
) -> None:
    resource = "products" if struck == "product_synced" else "orders"
    task = {"products": tasks.sync_products, "orders": tasks.sync_orders}[resource]
    task.apply(args=[store.pk]).get()  # a first sync sends nothing
    sandbox.change(
        [
            {"op": "edit_product", "index": 1, "fields": {"title": "New"}},
            {"op": "refund_order", "index": 3},
        ]
    )
    with pytest.raises(SoftTimeLimitExceeded):
        task.apply(args=[store.pk]).get()
    run = SyncRun.objects.filter(resource=resource).latest("pk")
    assert run.state != "RUNNING"
    cursor = SyncCursor.objects.get(resource=resource)
    assert (cursor.lease_holder, cursor.lease_until) == ("", None)


def test_a_limit_that_strikes_in_the_cache_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    state = CacheRateState()
    monkeypatch.setattr(state, "_cache", type("Cache", (), {"set": _strike, "get_many": _strike})())
    with pytest.raises(SoftTimeLimitExceeded):
        state.block("store", 2_000_000_000.0)
    with pytest.raises(SoftTimeLimitExceeded):
        state.blocked_until(["store"])


def test_every_broad_except_lets_it_pass() -> None:
    """Whoever adds one must say what becomes of a task's time limit."""
    import ast
    from pathlib import Path

    import pandabase_django

    root = Path(pandabase_django.__file__).parent
    bare: list[str] = []
    for path in sorted(root.rglob("*.py")):
        if "sandbox" in path.parts:
            continue  # runs in no task
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Try):
                continue
            for number, handler in enumerate(node.handlers):
                broad = isinstance(handler.type, ast.Name) and handler.type.id == "Exception"
                before = [ast.unparse(h.type) for h in node.handlers[:number] if h.type]
                text = ast.unparse(handler)
                # ``failure_of`` raises again whatever is not one object's own.
                inside = "interruptions()" in text or "failure_of(" in text
                if broad and "interruptions()" not in before and not inside:
                    bare.append(f"{path.relative_to(root)}:{handler.lineno}")
    assert bare == []
