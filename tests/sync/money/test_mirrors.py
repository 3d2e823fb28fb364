"""What is mirrored beside products and orders ends equal, and says what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from demo_project.comparison import compare_rows
from demo_project.expected import BESIDE_ORDERS, CUSTOMERS, LISTED_CUSTOMERS, Kind
from pandabase_django.models import (
    Coupon,
    Customer,
    Dispute,
    LedgerEntry,
    License,
    Order,
    Payout,
    Refund,
    RowChange,
    Store,
    Subscription,
    SyncRun,
)
from pandabase_django.models.sync import Resource
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.readings import newest
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

OWN = ("customers", "ledger", "payouts", "coupons", "subscriptions", "licenses")
ALL = ("refunds", "disputes", *OWN)
PERMISSIONS = {
    "refunds": "REFUNDS_READ",
    "disputes": "DISPUTES_READ",
    "customers": "CUSTOMERS_READ",
    "ledger": "PAYOUTS_READ",
    "payouts": "PAYOUTS_READ",
    "coupons": "COUPONS_READ",
    "subscriptions": "SUBSCRIPTIONS_READ",
    "licenses": "LICENSES_READ",
}
MODELS: dict[str, Any] = {
    "refunds": Refund,
    "disputes": Dispute,
    "customers": Customer,
    "ledger": LedgerEntry,
    "payouts": Payout,
    "coupons": Coupon,
    "subscriptions": Subscription,
    "licenses": License,
}


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 10, "orders": 330}


@pytest.fixture
def sync_all(sync: Sync) -> Callable[[], list[SyncRun]]:
    return lambda: [sync(resource).run for resource in ("orders", *OWN)]


def differences(sandbox: Sandbox, *kinds: Kind) -> list[str]:
    return [
        f"{kind.name} {key}: {difference}"
        for kind in kinds or (*BESIDE_ORDERS, CUSTOMERS)
        for key, difference in compare_rows(
            kind, sandbox.dump(kind.dump, include_deleted=False), store_id=sandbox.store_id
        ).differing.items()
    ]


def writes(run: SyncRun) -> int:
    return run.rows_created + run.rows_updated + run.rows_gone


@pytest.mark.fact(23, 53, 54, 56)
def test_all_of_them_end_equal_and_a_second_sync_writes_nothing(
    sandbox: Sandbox, sync_all: Callable[[], list[SyncRun]]
) -> None:
    assert [run.state for run in sync_all()] == ["COMPLETED"] * 7
    assert differences(sandbox) == []
    assert all(MODELS[name].objects.exists() for name in ALL)
    assert [writes(run) for run in sync_all()] == [0] * 7
    assert differences(sandbox) == []


@pytest.mark.parametrize("name", ALL)
def test_each_can_be_synced_alone_and_before_orders(
    sandbox: Sandbox, sync: Sync, store: Store, name: str
) -> None:
    run = sync(name).run
    assert (run.state, run.rows_created) == ("COMPLETED", MODELS[name].objects.count())
    assert not Order.objects.exists()
    assert audit(store, resource=name, full=True).differences == []
    sync("orders")
    sync(name)
    kinds = {kind.model: kind for kind in BESIDE_ORDERS}
    assert differences(sandbox, kinds[MODELS[name]]) == []
    assert order_differences(sandbox) == []


def test_whatever_changes_is_seen_by_the_next_sync(
    sandbox: Sandbox, sync_all: Callable[[], list[SyncRun]]
) -> None:
    sandbox.change([{"op": "refund_order", "index": 3, "status": "PROCESSING"}])
    (payout,) = sandbox.change([{"op": "create_payout", "amount": 500}])
    sync_all()
    refund = sandbox.dump("refunds")[-1]["id"]
    _, dispute = sandbox.change([{"op": "dispute_order", "index": 5}])
    sandbox.change([{"op": "refund_order", "index": 7, "amount": 1}])
    first = sandbox.dump("customers")[0]
    sandbox.change(
        [
            {"op": "edit_refund", "id": refund, "fields": {"status": "FAILED"}},
            {"op": "set_order_status", "index": 3, "status": "COMPLETED"},
            {"op": "edit_payout", "id": payout, "fields": {"status": "COMPLETED"}},
            {"op": "edit_customer", "id": first["id"], "fields": {"firstName": "Zoe"}},
            {"op": "create_coupon", "fields": {"code": "NEW10"}},
            {"op": "edit_coupon", "index": 0, "fields": {"timesUsed": 7}},
        ]
    )
    sync_all()
    assert differences(sandbox) == []
    assert Refund.objects.get(pk=refund).status == "FAILED"
    assert Dispute.objects.get(pk=dispute).status == "AWAITING_REVIEW"
    assert Payout.objects.get(pk=payout).status == "COMPLETED"
    assert {"NEW10": 0, "WELCOME10": 7}.items() <= dict(
        Coupon.objects.values_list("code", "times_used")
    ).items()
    sandbox.change([{"op": "resolve_dispute", "id": dispute, "outcome": "LOST"}])
    sandbox.change([{"op": "edit_order", "index": 5}])  # its time of change
    sync_all()
    assert Dispute.objects.get(pk=dispute).status == "LOST"
    assert differences(sandbox) == []
    assert order_differences(sandbox) == []
    changed = RowChange.objects.filter(model_name="refund", row_id=refund)
    assert changed.get().columns == ["status"]


@pytest.mark.parametrize(("op", "kind"), [("refund", Refund), ("dispute", Dispute)])
def test_what_changes_after_its_end_is_found_in_turn(
    sandbox: Sandbox, sync: Sync, op: str, kind: type[Any]
) -> None:
    sandbox.change([{"op": f"{op}_order", "index": index} for index in range(230)])
    if op == "dispute":
        sandbox.change([{"op": "resolve_dispute", "index": index} for index in range(230)])
    sync("orders")
    assert kind.objects.count() > 200
    oldest = sandbox.dump(f"{op}s")[0]["id"]
    sandbox.change([{"op": f"edit_{op}", "id": oldest, "fields": {"status": "REVERSED"}}])
    for _ in range(3):
        sync("orders")
    assert kind.objects.get(pk=oldest).status == "REVERSED"


def test_what_is_removed_is_marked_as_gone(
    sandbox: Sandbox, sync_all: Callable[[], list[SyncRun]]
) -> None:
    (payout,) = sandbox.change([{"op": "create_payout"}])
    customer = sandbox.dump("customers")[0]["id"]
    sync_all()
    (coupon,) = sandbox.change([{"op": "delete_coupon", "index": 1}])
    sandbox.change(
        [{"op": "remove_payout", "id": payout}, {"op": "remove_customer", "id": customer}]
    )
    sync_all()
    assert Payout.objects.get(pk=payout).gone_at is not None
    assert Customer.objects.get(pk=customer).gone_at is not None
    assert Coupon.objects.get(pk=coupon).gone_at is not None
    # Orders go on to name the customer, and do not bring the row back.
    assert [writes(run) for run in sync_all()] == [0] * 7
    assert differences(sandbox, *BESIDE_ORDERS) == []


def test_a_customer_whom_orders_alone_name_is_not_missing_from_the_list(
    sandbox: Sandbox, sync_all: Callable[[], list[SyncRun]]
) -> None:
    named = {"customer.id": "cus_new", "customer.email": "new@example.com"}
    sandbox.change([{"op": "create_order", "fields": named}])
    for _ in range(3):
        sync_all()
    row = Customer.objects.get(pk="cus_new")
    assert (row.email, row.gone_at, row.payload) == ("new@example.com", None, {})


@pytest.mark.parametrize("orders_first", [True, False])
def test_the_newest_order_decides_of_an_address_and_the_list_where_none_names_it(
    sandbox: Sandbox, sync: Sync, orders_first: bool
) -> None:
    named, unnamed = sandbox.dump("customers")[:2]
    for row in sandbox.dump("orders"):
        if (row["customer"] or {}).get("id") == unnamed["id"]:
            sandbox.change([{"op": "edit_order", "id": row["id"], "fields": {"customer": None}}])
    order = {"customer.id": named["id"], "customer.email": "order@example.com"}
    sandbox.change([{"op": "create_order", "fields": order}])
    sandbox.change(
        [
            {"op": "edit_customer", "id": row["id"], "fields": {"email": "list@example.com"}}
            for row in (named, unnamed)
        ]
    )
    resources = ["orders", "customers"] if orders_first else ["customers", "orders"]
    for _ in range(2):
        for resource in resources:
            sync(resource)
        emails = dict(Customer.objects.values_list("pk", "email"))
        assert emails[named["id"]] == "order@example.com"
        assert emails[unnamed["id"]] == "list@example.com"
    assert differences(sandbox, LISTED_CUSTOMERS) == []


@pytest.mark.parametrize("name", ALL)
def test_a_token_without_the_permission_skips_it_and_says_so(
    sandbox: Sandbox, sync: Sync, name: str
) -> None:
    left = tuple(p for p in ALL_PERMISSIONS if p != PERMISSIONS[name])
    sandbox.permit_token(sandbox.hmac_token.token_id, left)
    run = sync(name).run
    assert (run.state, MODELS[name].objects.count()) == ("SKIPPED", 0)
    assert PERMISSIONS[name] in run.error
    if name not in OWN:
        run = sync("orders").run
        assert run.state == "COMPLETED"
        assert any("can't be watched" in text for text in run.warnings)
        sandbox.permit_token(sandbox.hmac_token.token_id, ALL_PERMISSIONS)
        sync("orders")
        kinds = {kind.model: kind for kind in BESIDE_ORDERS}
        assert differences(sandbox, kinds[MODELS[name]]) == []


@pytest.mark.parametrize("name", ALL)
def test_a_dry_run_counts_and_writes_nothing(sandbox: Sandbox, sync: Sync, name: str) -> None:
    run = sync(name, dry_run=True).run
    assert run.rows_created == len(sandbox.dump(name))
    assert MODELS[name].objects.count() == 0
    sync(name)
    run = sync(name, dry_run=True).run
    assert writes(run) == 0


@pytest.mark.parametrize("name", ALL)
def test_an_audit_names_what_differs(sandbox: Sandbox, sync: Sync, store: Store, name: str) -> None:
    sync(name)
    assert audit(store, resource=name).equal
    assert audit(store, resource=name, full=True).equal
    first, second = MODELS[name].objects.order_by("pk")[:2]
    MODELS[name].objects.filter(pk=first.pk).update(created_at=None)
    gone = second.pk
    second.delete()
    assert not audit(store, resource=name).equal
    found = {d.id: d for d in audit(store, resource=name, full=True).differences}
    assert found.keys() == {first.pk, gone}
    assert "created_at" in found[first.pk].why
    assert found[gone].what == "missing"


@pytest.mark.parametrize("name", ["refunds", "disputes", "ledger"])
def test_a_full_sync_repairs_every_row(sandbox: Sandbox, sync: Sync, name: str) -> None:
    sync("orders")
    sync(name)
    model = MODELS[name]
    model.objects.update(amount_minor=-1, digest="of another")
    assert sync(name, full=True).run.state == "COMPLETED"
    kinds = {kind.model: kind for kind in BESIDE_ORDERS}
    assert differences(sandbox, kinds[model]) == []


def test_a_long_ledger_is_read_whole_in_its_first_run(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "PAGES_PER_RUN", 1)
    for _ in range(300):
        sandbox.change([{"op": "create_payout", "amount": 1}])
    sync("ledger")
    sync("payouts")
    kinds = {kind.name: kind for kind in BESIDE_ORDERS}
    assert differences(sandbox, kinds["ledger entries"], kinds["payouts"]) == []


def test_amounts_take_the_currency_of_their_order_or_store(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sandbox.change(
        [
            {
                "op": "edit_order",
                "id": sandbox.dump("refunds")[0]["order"]["id"],
                "fields": {"currency": "EUR"},
            }
        ]
    )
    for name in ALL:
        sync(name)
    assert set(Refund.objects.values_list("currency", flat=True)) == {""}
    sync("orders")
    assert set(Refund.objects.values_list("currency", flat=True)) == {"EUR", "USD"}
    assert set(Dispute.objects.values_list("currency", flat=True)) == {"USD"}
    Store.objects.update(currency="USD")
    store.refresh_from_db()
    sandbox.change([{"op": "create_payout"}])
    for name in ("ledger", "payouts"):
        sync(name)
        assert set(MODELS[name].objects.values_list("currency", flat=True)) == {"USD"}


def test_each_has_a_value_for_leases_and_records() -> None:
    assert {*ALL} <= set(Resource.values)
