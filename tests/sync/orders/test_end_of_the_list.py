"""Orders that show at the end of the list, and a little before it."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 5, "orders": 205}


def test_an_order_that_shows_late_on_the_page_before_the_last_costs_no_search(
    sandbox: Sandbox, sync: Sync
) -> None:
    (late,) = sandbox.change([{"op": "hide_order", "index": 150}])
    sync("orders")
    sync("orders")  # the rolling pass comes by pages 1 and 2, and is at page 3 the next time
    sandbox.change([{"op": "show_order", "id": late}])
    run = sync("orders").run
    assert order_differences(sandbox) == []
    strategies = {step["strategy"]: step for step in run.steps}
    assert strategies["orders: rolling pass"]["first_page"] == 3
    assert strategies["orders: counts per status"]["differing"] == {}
    assert not [name for name in strategies if name.startswith("orders: status ")]
