"""A row of the list of orders is read in two steps, and comes to what one step reads."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.api.schemas import OrderRow, OrderSummary
from pandabase_django.exceptions import ProtocolError

ORDER: dict[str, Any] = {
    "id": "ord_1",
    "orderNumber": "cs_1",
    "status": "COMPLETED",
    "amount": 1250,
    "currency": "EUR",
    "customer": {"id": "cus_1", "email": "buyer@example.com"},
    "payment": {"status": "COMPLETED", "totalAmount": "much"},
    "createdAt": "2026-03-16T05:37:02.792Z",
}


def test_a_row_reads_on_demand_what_the_list_form_holds() -> None:
    row, whole = OrderRow.from_json(ORDER), OrderSummary.from_json(ORDER)
    assert row.summary == whole
    assert (row.id, row.status, row.created_at, row.digest) == (
        whole.id,
        whole.status,
        whole.created_at,
        whole.digest,
    )
    assert len(row.summary.warnings) == 1


@pytest.mark.parametrize("data", [None, [], {}, {"id": ""}, {"id": 7}, {"id": "x" * 129}])
def test_a_row_without_a_usable_id_is_refused(data: object) -> None:
    with pytest.raises(ProtocolError):
        OrderRow.from_json(data)


def test_a_secret_leaves_a_row_as_it_leaves_every_object() -> None:
    row = OrderRow.from_json({**ORDER, "secret": "sk_canary"})
    assert "sk_canary" not in repr(row) + str(row.payload) + str(row.summary)
