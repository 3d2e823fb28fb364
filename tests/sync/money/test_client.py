"""The client's namespaces for refunds, disputes, the ledger, payouts and customers."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.api.schemas import Dispute, Refund
from pandabase_django.models import Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.clients import client_for

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["refunds", "disputes", "payouts", "customers", "coupons", "subscriptions", "licenses"]
)
def test_what_a_list_shows_and_what_a_get_shows_have_one_digest(
    sandbox: Sandbox, store: Store, name: str
) -> None:
    with client_for(store) as client:
        namespace: Any = getattr(client, name)
        items = list(namespace.iterate(limit=10))
        assert items
        assert [item.id for item in items] == [
            row["id"] for row in sorted(sandbox.dump(name), key=newest_first, reverse=True)
        ]
        for item in items[:5]:
            single = namespace.get(item.id)
            assert (single.digest, single.warnings, item.warnings) == (item.digest, (), ())


def newest_first(row: dict[str, Any]) -> tuple[str, str]:
    return row["createdAt"], ""


@pytest.mark.parametrize("form", [Refund, Dispute])
@pytest.mark.parametrize(
    "change",
    [{"status": "FAILED"}, {"amount": 1}, {"order": {"id": "ord_2"}}, {"brandNew": True}],
)
def test_whatever_changes_of_a_refund_or_dispute_changes_its_digest(
    form: Any, change: dict[str, Any]
) -> None:
    shown = {"id": "x_1", "status": "PROCESSING", "amount": 5, "order": {"id": "ord_1"}}
    assert form.from_json(shown).digest != form.from_json({**shown, **change}).digest
    more = {**shown, "order": {"id": "ord_1", "currency": "USD"}, "updatedAt": "2026-01-01T00:00Z"}
    assert form.from_json(shown).digest == form.from_json(more).digest


@pytest.mark.fact(53)
def test_customers_are_read_whole(sandbox: Sandbox, store: Store) -> None:
    shown = {row["id"]: row for row in sandbox.dump("customers")}
    with client_for(store) as client:
        for customer in client.customers.iterate():
            row = shown[customer.id]
            assert customer.email == row["email"]
            assert (customer.first_name, customer.last_name) == (row["firstName"], row["lastName"])
            assert customer.is_guest is row["guest"]
            assert customer.total_spent_minor == row["totalSpent"]
            assert customer.order_count == row["orderCount"]


@pytest.mark.fact(54)
def test_ledger_entries_have_the_balance_after_them(sandbox: Sandbox, store: Store) -> None:
    (payout,) = sandbox.change([{"op": "create_payout", "amount": 700}])
    with client_for(store) as client:
        newest, *older = client.ledger.iterate()
        assert (newest.type, newest.reference_id) == ("PAYOUT", payout)
        assert newest.balance_minor is not None
        assert older[0].balance_minor is not None
        assert newest.balance_minor - older[0].balance_minor == newest.amount_minor
        sent = client.payouts.get(payout)
    assert (sent.amount_minor, sent.status) == (700, "PROCESSING")
    assert newest.amount_minor == -(700 + (sent.fee_minor or 0))
