"""Reports: asked for, waited for, and fetched as files."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Caller

BODY = {
    "type": "PAYMENT_ACTIVITY",
    "periodStart": "2024-03-01T00:00:00Z",
    "periodEnd": "2024-04-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def stopped_clock(caller: Caller, control: Any) -> None:
    control("POST", "/settings", {"clock": "2026-01-01T00:00:00Z"})


def _ask(caller: Caller, **fields: Any) -> Any:
    response = caller.send("POST", "/reports", body={**BODY, **fields})
    assert response.status_code == 201, response.text
    return response.json()["data"]


def _file(caller: Caller, report: str, suffix: str) -> requests.Response:
    url = caller.get(f"/reports/{report}/download/{suffix}")["url"]
    assert url.startswith(caller.sandbox.url)
    return requests.get(url, timeout=10)


@pytest.mark.fact(62)
def test_a_report_is_pending_then_processing_then_there(caller: Caller, control: Any) -> None:
    asked = _ask(caller)
    path = f"/reports/{asked['id']}"
    assert (asked["status"], asked["formats"]) == ("PENDING", ["CSV", "JSON"])
    assert asked["requestedByTokenId"] == caller.token.token_id
    assert caller.send("GET", f"{path}/download/csv").status_code == 409
    control("POST", "/settings", {"pass_seconds": 1})
    assert caller.get(path)["status"] == "PROCESSING"
    assert caller.send("GET", f"{path}/download/csv").status_code == 409
    control("POST", "/settings", {"pass_seconds": 1})
    done = caller.get(path)
    assert (done["status"], done["durationMs"]) == ("SUCCEEDED", 1000)
    assert done["completedAt"] == "2026-01-01T00:00:02.000Z"
    assert caller.get("/reports")["items"] == [done]


@pytest.mark.fact(62)
def test_its_files_hold_the_payments_of_the_period(caller: Caller, control: Any) -> None:
    report = _ask(caller)["id"]
    control("POST", "/settings", {"pass_seconds": 2})
    expected = {
        order["payment"]["id"]: order["payment"]["totalAmount"]
        for order in caller.sandbox.dump("orders")
        if order["payment"] and "2024-03-01" <= order["createdAt"] < "2024-04-01"
    }
    assert expected
    rows = list(csv.DictReader(io.StringIO(_file(caller, report, "csv").text)))
    assert {row["paymentId"]: int(row["totalAmount"]) for row in rows} == expected
    whole = _file(caller, report, "json").json()
    assert {row["paymentId"]: row["totalAmount"] for row in whole} == expected
    assert caller.get(f"/reports/{report}")["rowCount"] == len(expected)


@pytest.mark.parametrize("kind", ["BALANCE_LEDGER", "REFUNDS_DISPUTES", "PAYOUT_RECONCILIATION"])
def test_other_reports_hold_what_was_created_in_the_period(
    caller: Caller, control: Any, kind: str
) -> None:
    begins, ends = "2024-10-20T00:00:00.000Z", "2024-12-20T00:00:00.000Z"
    if kind == "PAYOUT_RECONCILIATION":
        begins, ends = "2022-12-01T00:00:00.000Z", "2023-01-01T00:00:00.000Z"
    report = _ask(caller, type=kind, periodStart=begins, periodEnd=ends)["id"]
    control("POST", "/settings", {"pass_seconds": 2})
    sources = {
        "BALANCE_LEDGER": ["ledger"],
        "REFUNDS_DISPUTES": ["refunds", "disputes"],
        "PAYOUT_RECONCILIATION": ["payouts"],
    }
    expected = {
        one["id"]: one["amount"]
        for source in sources[kind]
        for one in caller.sandbox.dump(source)
        if begins <= one["createdAt"] < ends
    }
    assert expected
    found = _file(caller, report, "json").json()
    assert {row["id"]: row["amount"] for row in found} == expected
    assert [row["createdAt"] for row in found] == sorted(row["createdAt"] for row in found)


@pytest.mark.fact(62)
def test_an_address_of_a_file_is_signed_and_ends_after_five_minutes(
    caller: Caller, control: Any
) -> None:
    report = _ask(caller, formats=["JSON"])["id"]
    control("POST", "/settings", {"pass_seconds": 2})
    assert caller.send("GET", f"/reports/{report}/download/csv").status_code == 404
    url = caller.get(f"/reports/{report}/download/json")["url"]
    assert requests.get(url, timeout=10).status_code == 200
    assert requests.get(f"{url}0", timeout=10).status_code == 403
    longer = url.replace("expires=", "expires=9")
    assert requests.get(longer, timeout=10).status_code == 403
    control("POST", "/settings", {"pass_seconds": 299})
    assert requests.get(url, timeout=10).status_code == 200
    control("POST", "/settings", {"pass_seconds": 1})
    assert requests.get(url, timeout=10).status_code == 403


@pytest.mark.fact(62)
def test_a_report_is_kept_for_thirty_days(caller: Caller, control: Any) -> None:
    report = _ask(caller)["id"]
    control("POST", "/settings", {"pass_seconds": 30 * 86_400})
    assert caller.get(f"/reports/{report}")["status"] == "SUCCEEDED"
    control("POST", "/settings", {"pass_seconds": 1})
    assert caller.send("GET", f"/reports/{report}").status_code == 404
    assert caller.get("/reports")["items"] == []


@pytest.mark.fact(62)
def test_ten_unfinished_reports_are_the_most(caller: Caller, control: Any) -> None:
    for _ in range(10):
        _ask(caller)
    assert caller.send("POST", "/reports", body=BODY).status_code == 429
    control("POST", "/settings", {"pass_seconds": 2})
    _ask(caller, type="BALANCE_LEDGER")
    assert len(caller.everything("/reports?status=SUCCEEDED", limit=4)) == 10
    assert len(caller.everything("/reports?type=BALANCE_LEDGER")) == 1


@pytest.mark.fact(62)
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"periodEnd": "2024-05-30T00:00:00Z"}, 201),
        ({"periodEnd": "2024-05-30T00:00:01Z"}, 400),
        ({"periodEnd": "2024-03-01T00:00:00Z"}, 400),
        ({"periodEnd": "2024-04-01"}, 422),
        ({"formats": []}, 422),
        ({"type": "TAXES"}, 422),
    ],
)
def test_a_period_is_of_ninety_days_at_most(
    caller: Caller, fields: dict[str, Any], status: int
) -> None:
    assert caller.send("POST", "/reports", body={**BODY, **fields}).status_code == status


def test_a_report_can_fail(caller: Caller) -> None:
    report = _ask(caller)["id"]
    caller.sandbox.change([{"op": "fail_report", "id": report, "message": "Out of paper"}])
    found = caller.get(f"/reports/{report}")
    assert (found["status"], found["errorMessage"]) == ("FAILED", "Out of paper")
    assert caller.send("GET", f"/reports/{report}/download/csv").status_code == 409
