"""Coupons, written and listed."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Caller


@pytest.mark.fact(56)
def test_coupons_are_created_changed_and_deleted(caller: Caller) -> None:
    body = {"code": "TRY-1", "type": "FIXED", "value": 250}
    made = caller.send("POST", "/coupons", body=body).json()["data"]
    assert body.items() <= made.items()
    path = f"/coupons/{made['id']}"
    caller.send("PATCH", path, body={"code": "OTHER", "enabled": False})
    assert (caller.get(path)["code"], caller.get(path)["enabled"]) == ("TRY-1", False)
    disabled = caller.everything("/coupons?enabled=false&sortBy=value&sortOrder=asc")
    assert [coupon["code"] for coupon in disabled] == ["LATER", "TRY-1"]
    assert [c["code"] for c in caller.everything("/coupons?search=try")] == ["TRY-1"]
    assert caller.send("DELETE", path).status_code == 200
    assert caller.send("GET", path).status_code == 404
    assert made["id"] not in {coupon["id"] for coupon in caller.everything("/coupons")}


@pytest.mark.parametrize("body", [{"code": "X"}, {"code": "HALF", "type": "GIFT", "value": 1}])
def test_a_coupon_of_another_shape_is_refused(caller: Caller, body: dict[str, object]) -> None:
    assert caller.send("POST", "/coupons", body=body).status_code == 422
