"""Payouts, and customers that change or go."""

from __future__ import annotations

from tests.sandbox.conftest import Caller


def test_payouts_are_listed_newest_first_and_dumped(caller: Caller) -> None:
    seeded = caller.everything("/payouts")
    (made,) = caller.sandbox.change([{"op": "create_payout", "amount": 12_345}])
    listed = caller.everything("/payouts")
    assert [row["id"] for row in listed] == [made, *(row["id"] for row in seeded)]
    assert caller.get(f"/payouts/{made}") == listed[0]
    assert listed[0]["amount"] == 12_345
    assert sorted(row["id"] for row in caller.sandbox.dump("payouts")) == sorted(
        row["id"] for row in listed
    )


def test_a_payout_leaves_the_balance(caller: Caller) -> None:
    before = caller.get("")["balance"]
    (made,) = caller.sandbox.change([{"op": "create_payout", "amount": 1_000}])
    (entry,) = caller.everything("/payouts/ledger?type=PAYOUT")
    assert entry["referenceId"] == made
    assert caller.get("")["balance"] == before + entry["amount"] == entry["runningBalance"]
    assert caller.sandbox.dump("ledger")[-1] == entry


def test_a_payout_can_change_and_be_removed(caller: Caller) -> None:
    (made,) = caller.sandbox.change([{"op": "create_payout"}])
    caller.sandbox.change([{"op": "edit_payout", "id": made, "fields": {"status": "COMPLETED"}}])
    assert caller.get(f"/payouts/{made}")["status"] == "COMPLETED"
    caller.sandbox.change([{"op": "remove_payout", "id": made}])
    assert caller.send("GET", f"/payouts/{made}").status_code == 404
    assert made not in {row["id"] for row in caller.everything("/payouts")}
    assert made not in {row["id"] for row in caller.sandbox.dump("payouts")}


def test_a_customer_can_change_and_be_removed(caller: Caller) -> None:
    first, second, *_ = caller.sandbox.dump("customers")
    caller.sandbox.change(
        [
            {"op": "edit_customer", "id": first["id"], "fields": {"firstName": "Zoe"}},
            {"op": "remove_customer", "id": second["id"]},
        ]
    )
    assert caller.get(f"/customers/{first['id']}")["firstName"] == "Zoe"
    assert caller.send("GET", f"/customers/{second['id']}").status_code == 404
    for rows in (caller.everything("/customers"), caller.sandbox.dump("customers")):
        found = {row["id"]: row for row in rows}
        assert second["id"] not in found
        assert found[first["id"]]["firstName"] == "Zoe"
