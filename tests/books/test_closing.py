"""A sandbox's month is equal as it is, and each wrong, missing or repeated entry is named."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.models import LedgerEntry, Order, Store, SyncCursor
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.services.books.closing import Closing
from pandabase_django.services.books.month import Month
from pandabase_django.services.books.texts import advice_texts, difference_text
from pandabase_django.services.books.ties import Difference
from tests.books.conftest import Sync, pandabase_close
from tests.connecting import connect
from tests.sync.world import sync_of

pytestmark = pytest.mark.django_db(transaction=True)

MONTH = "2025-03"
IN_IT = "2025-03-14T12:00:00Z"


@pytest.fixture
def march(sandbox: Sandbox) -> list[str]:
    """What a shop sells, gives back and pays out in a month. Returns the orders' ids."""
    sandbox.set_clock(parse_ms(IN_IT))
    orders = [sandbox.change([{"op": "create_order", "count": 4}])]
    ids: list[str] = orders[0]
    sandbox.set_clock(parse_ms("2025-03-15T12:00:00Z"))
    sandbox.change(
        [
            {"op": "refund_order", "id": ids[0]},
            {"op": "dispute_order", "id": ids[1]},
            {"op": "dispute_order", "id": ids[2]},
        ]
    )
    sandbox.set_clock(parse_ms("2025-03-20T12:00:00Z"))
    sandbox.change([{"op": "resolve_dispute", "id": ids[2], "status": "WON"}])
    sandbox.change([{"op": "create_payout", "amount": 1000, "status": "COMPLETED"}])
    sandbox.set_clock(parse_ms("2025-04-20T12:00:00Z"))
    return ids


def entry_of(sandbox: Sandbox, type_: str, *, place: int = -1) -> dict[str, Any]:
    found = [
        row
        for row in sandbox.dump("ledger")
        if row["type"] == type_ and row["createdAt"].startswith(MONTH)
    ]
    return sorted(found, key=lambda row: row["createdAt"])[place]


def close(month: str = MONTH) -> tuple[int, Any]:
    code, found = pandabase_close("--month", month)
    (closing,) = found["closings"]
    assert found["ok"] == (code == 0)
    return code, closing


def differences(closing: Any) -> list[tuple[str, str, str]]:
    return [(d["code"], d["entry"], d["id"]) for d in closing["differences"]]


@pytest.mark.fact(54, 57)
def test_a_month_is_equal_and_each_entry_belongs_to_something(
    sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    read_all()
    code, closing = close()
    assert (code, closing["state"], closing["differences"]) == (0, "EQUAL", [])
    assert closing["incomplete"] == []
    assert closing["untied"] == 0
    booked = [row for row in sandbox.dump("ledger") if row["createdAt"].startswith(MONTH)]
    assert len(closing["entries"]) == len(booked) == 9
    by_type = {line["type"]: line for line in closing["entries"]}
    assert by_type["REFUND_INSTANT"]["order"] == march[0]
    assert by_type["REFUND_INSTANT"]["refund"]
    assert by_type["DISPUTE_WON"]["order"] == march[2]
    assert by_type["DISPUTE_WON"]["dispute"]
    assert by_type["PAYOUT"]["payout"]
    (total,) = closing["totals"]
    assert total["opening_minor"] + total["moved_minor"] == total["closing_minor"]
    assert total["moved_minor"] == sum(row["amount"] for row in booked)
    for line in closing["entries"]:
        assert line["balance_minor"] == line["expected_balance_minor"]


@pytest.mark.parametrize("month", ["2023-01", "2024-06", "2024-12", "2025-01", "2025-02"])
def test_seeded_months_are_equal_and_an_empty_one_too(
    march: list[str], read_all: Sync, month: str
) -> None:
    read_all()
    assert close(month)[1]["differences"] == []
    assert close(month)[1]["state"] == "EQUAL"


def test_a_wrong_balance_is_named(sandbox: Sandbox, march: list[str], read_all: Sync) -> None:
    entry = entry_of(sandbox, "REFUND_INSTANT")
    wrong = entry["runningBalance"] + 100
    sandbox.change([{"op": "edit_entry", "id": entry["id"], "fields": {"runningBalance": wrong}}])
    read_all()
    code, closing = close()
    (difference,) = closing["differences"]
    assert (code, closing["state"]) == (4, "DIFFERENT")
    assert (difference["code"], difference["entry"]) == ("balance", entry["id"])
    assert difference["expected_minor"] == [entry["runningBalance"]]
    assert difference["found_minor"] == wrong


def test_a_wrong_amount_is_named(sandbox: Sandbox, march: list[str], read_all: Sync) -> None:
    entry = entry_of(sandbox, "PAYMENT_RECEIVED")
    sandbox.change(
        [{"op": "edit_entry", "id": entry["id"], "fields": {"amount": entry["amount"] + 3}}]
    )
    read_all()
    closing = close()[1]
    assert {(code, pk) for code, pk, _ in differences(closing)} == {
        ("balance", entry["id"]),
        ("amount", entry["id"]),
    }


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("PAYMENT_RECEIVED", "order"),
        ("REFUND_INSTANT", "refund"),
        ("DISPUTE_CREATED", "dispute"),
        ("PAYOUT", "payout"),
    ],
)
def test_a_missing_entry_is_named_by_what_it_was_for(
    sandbox: Sandbox, march: list[str], read_all: Sync, type_: str, kind: str
) -> None:
    entry = entry_of(sandbox, type_)
    sandbox.change([{"op": "remove_entry", "id": entry["id"]}])
    read_all()
    code, closing = close()
    assert code == 4
    (missing,) = [d for d in closing["differences"] if d["code"] == "no entry"]
    assert (missing["kind"], missing["entry"]) == (kind, "")
    assert entry["amount"] in [*missing["expected_minor"], *map(abs, missing["expected_minor"])]
    # The balance says it too, unless nothing follows.
    others = [d for d in closing["differences"] if d["code"] != "no entry"]
    assert [d["code"] for d in others] == ([] if type_ == "PAYOUT" else ["balance"])


@pytest.mark.parametrize("balances", [False, True], ids=["by the list", "by the remote"])
@pytest.mark.parametrize(
    "type_", ["PAYMENT_RECEIVED", "REFUND_INSTANT", "DISPUTE_CREATED", "DISPUTE_WON", "PAYOUT"]
)
def test_a_repeated_entry_is_named(
    sandbox: Sandbox, march: list[str], read_all: Sync, type_: str, balances: bool
) -> None:
    entry = entry_of(sandbox, type_)
    (again,) = sandbox.change([{"op": "repeat_entry", "id": entry["id"], "balances": balances}])
    read_all()
    code, closing = close()
    assert code == 4
    twice = [pk for code, pk, _ in differences(closing) if code in ("twice", "no dispute")]
    assert len(twice) == 1
    assert twice[0] in (entry["id"], again)
    by_balance = [pk for code, pk, _ in differences(closing) if code == "balance"]
    assert len(by_balance) == (0 if balances else 1)


def test_an_entry_of_no_order_is_named(sandbox: Sandbox, march: list[str], read_all: Sync) -> None:
    entry = entry_of(sandbox, "PAYMENT_RECEIVED")
    fields = {"referenceId": "pmt_unknown"}
    sandbox.change([{"op": "edit_entry", "id": entry["id"], "fields": fields}])
    read_all()
    found = differences(close()[1])
    assert ("no order", entry["id"], "pmt_unknown") in found
    assert [code for code, _, _ in found] == ["no order", "no entry"]


def test_a_payout_that_is_gone_leaves_an_entry_of_nothing_and_a_refund_is_one_by_any_name(
    sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    refund, payout = entry_of(sandbox, "REFUND_INSTANT"), entry_of(sandbox, "PAYOUT")
    changes = [
        {"op": "edit_entry", "id": refund["id"], "fields": {"type": "REFUND_EXTERNAL"}},
        {"op": "remove_payout", "id": payout["referenceId"]},
    ]
    sandbox.change(changes)
    read_all()
    assert differences(close()[1]) == [("no payout", payout["id"], payout["referenceId"])]


def test_a_new_type_of_entry_is_no_difference(
    sandbox: Sandbox, march: list[str], read_all: Sync
) -> None:
    entry = entry_of(sandbox, "PAYOUT")
    fields = {"type": "BRAND_NEW", "referenceId": "x_1"}
    sandbox.change(
        [
            {"op": "edit_entry", "id": entry["id"], "fields": fields},
            {"op": "remove_payout", "id": entry["referenceId"]},
        ]
    )
    read_all()
    closing = close()[1]
    assert (closing["state"], closing["untied"]) == ("EQUAL", 1)


def test_what_was_never_read_makes_it_incomplete_and_nothing_else(
    march: list[str], store: Store, read_all: Sync
) -> None:
    code, closing = close()
    assert (code, closing["state"]) == (4, "INCOMPLETE")
    reasons = {(r["code"], r["resource"]) for r in closing["incomplete"]}
    every = ("ledger", "orders", "refunds", "disputes", "payouts")
    assert reasons == {("never read", resource) for resource in every}
    read_all("ledger")
    closing = close()[1]
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])
    assert {r["resource"] for r in closing["incomplete"]} == set(every) - {"ledger"}
    read_all("orders", "payouts")
    assert close()[1]["state"] == "EQUAL"


def test_a_month_that_is_not_over_or_was_read_too_early_is_incomplete(
    march: list[str], read_all: Sync
) -> None:
    read_all()
    assert [r["code"] for r in close("2999-01")[1]["incomplete"]] == ["not over"]
    cursor = SyncCursor.objects.get(resource="ledger")
    cursor.last_completed_at = cursor.last_completed_at.replace(year=2025, month=3, day=31)
    cursor.save()
    closing = close()[1]
    assert [(r["code"], r["resource"]) for r in closing["incomplete"]] == [("too old", "ledger")]
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])


@pytest.mark.parametrize("lacking", ["refunds", "disputes"])
def test_a_closed_list_makes_it_incomplete(
    sandbox: Sandbox, march: list[str], db: None, lacking: str
) -> None:
    permissions = tuple(p for p in ALL_PERMISSIONS if p != f"{lacking.upper()}_READ")
    token = connect(sandbox, sandbox.add_token(mode="HMAC", permissions=permissions))
    for resource in ("orders", "ledger", "payouts"):
        sync_of(token.store, resource)
    closing = close()[1]
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])
    assert {(r["code"], r["resource"]) for r in closing["incomplete"]} == {("closed", lacking)}


def test_orders_without_details_make_it_incomplete(march: list[str], read_all: Sync) -> None:
    read_all()
    Order.objects.filter(pk=march[0]).update(dirty=True, detailed_at=None, payment_id="")
    closing = close()[1]
    assert [r["code"] for r in closing["incomplete"]] == ["not detailed"]
    assert (closing["state"], closing["differences"]) == ("INCOMPLETE", [])


def test_the_csv_has_all_of_it_and_no_formula(
    march: list[str], read_all: Sync, sandbox: Sandbox
) -> None:
    entry = entry_of(sandbox, "PAYMENT_RECEIVED")
    fields = {"referenceId": '=HYPERLINK("http://x")', "type": "@SUM(1)"}
    sandbox.change([{"op": "edit_entry", "id": entry["id"], "fields": fields}])
    read_all()
    out = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("pandabase_close", "--month", MONTH, "--format", "csv", stdout=out)
    assert raised.value.returncode == 4
    rows = list(csv.DictReader(io.StringIO(out.getvalue().lstrip("\ufeff"))))
    kinds = [row["kind"] for row in rows]
    assert kinds.count("entry") == 9
    assert kinds[-1] == "result"
    assert rows[-1]["text"] == "DIFFERENT"
    (odd,) = [row for row in rows if row["entry"] == entry["id"] and row["kind"] == "entry"]
    assert odd["type"] == "'@SUM(1)"
    assert odd["belongs_to"].startswith("'=")


def test_the_text_says_the_result_and_each_difference(
    march: list[str], read_all: Sync, sandbox: Sandbox, capsys: Any
) -> None:
    entry = entry_of(sandbox, "PAYOUT")
    sandbox.change([{"op": "remove_entry", "id": entry["id"]}])
    read_all()
    with pytest.raises(CommandError):
        call_command("pandabase_close", "--month", MONTH)
    said = capsys.readouterr().out
    assert f"{MONTH} (UTC): DIFFERENT. 1 difference was found." in said
    assert f"No entry: payout {entry['referenceId']}" in said
    call_command("pandabase_close", "--month", "2019-01")
    assert "No entries." in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--month", "2026-13"], ["--month", "2025-03", "--store", "shp_none"]]
)
def test_wrong_arguments_are_code_2(store: Store, arguments: list[str]) -> None:
    assert pandabase_close(*arguments)[0] == 2


def test_no_store_shows_another_ones_entries(
    march: list[str], read_all: Sync, store: Store
) -> None:
    read_all()
    other = Store.objects.create(pk="shp_other", currency="USD")
    row = LedgerEntry.objects.filter(type="PAYMENT_RECEIVED").latest("created_at")
    row.pk, row.store = "ble_other", other
    row.save(force_insert=True)
    code, found = pandabase_close("--month", MONTH)
    mine, others = sorted(found["closings"], key=lambda c: c["store"] == "shp_other")
    assert (code, mine["state"], others["state"]) == (4, "EQUAL", "INCOMPLETE")
    assert [line["id"] for line in others["entries"]] == ["ble_other"]
    assert others["entries"][0]["order"] == ""
    assert pandabase_close("--month", MONTH, "--store", store.pk)[0] == 0


@pytest.mark.parametrize(
    "code",
    [
        *("balance", "unreadable", "amount", "twice", "no entry"),
        *("no order", "no refund", "no dispute", "no payout"),
    ],
)
def test_each_difference_says_what_is_wrong_and_what_to_do_once(code: str) -> None:
    wrong = Difference(code, kind="order", object_id="ord_1", expected=(100, 250), currency="USD")
    month = Month.of_text("2026-10")
    closing = Closing("shp_1", month, [], [], differences=[wrong, wrong], reasons=[])
    assert len(advice_texts(closing)) == 1
    if code in ("balance", "amount", "no entry"):
        assert "1.00 USD or 2.50 USD" in difference_text(wrong)
