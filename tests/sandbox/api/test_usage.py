"""Meters, usage events, and what they come to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.conftest import Caller


@pytest.fixture
def product(caller: Caller) -> str:
    by_usage = {"productType": "SUBSCRIPTION", "pricingModel": "USAGE_BASED"}
    (pk,) = caller.sandbox.change([{"op": "edit_product", "index": 0, "fields": by_usage}])
    return pk


@pytest.fixture
def subscription(caller: Caller, product: str) -> str:
    caller.sandbox.change([{"op": "create_meter", "event": "tokens", "fields": {"unitPrice": 3}}])
    (pk,) = caller.sandbox.change([{"op": "create_subscription", "product": 0}])
    return pk


def _post(caller: Caller, subscription: str, *events: dict[str, Any]) -> Any:
    body = {"subscription_id": subscription, "events": list(events)}
    return caller.send("POST", "/usage", body=body)


@pytest.mark.fact(52)
def test_a_meter_is_made_changed_and_deleted_until_it_counts(caller: Caller, product: str) -> None:
    path = f"/products/{product}/meters"
    body = {"eventName": "tokens", "unitPrice": 300, "unitQuantity": 1000, "aggregation": "SUM"}
    made = caller.send("POST", path, body=body).json()["data"]
    assert caller.send("POST", path, body=body).status_code == 409
    assert caller.get(path)["items"] == [made]
    one = f"{path}/{made['id']}"
    renamed = caller.send("PATCH", one, body={"eventName": "words"}).json()["data"]
    assert caller.get(one) == renamed
    (subscription,) = caller.sandbox.change([{"op": "create_subscription", "product": 0}])
    assert _post(caller, subscription, {"event_name": "words", "quantity": 1}).status_code == 201
    assert caller.send("PATCH", one, body={"eventName": "tokens"}).status_code == 409
    assert caller.send("PATCH", one, body={"unitPrice": 1}).status_code == 200
    assert caller.send("DELETE", one).status_code == 409
    other = caller.send("POST", path, body={**body, "eventName": "calls"}).json()["data"]["id"]
    assert caller.send("DELETE", f"{path}/{other}").json()["data"] == {"deleted": True}
    assert caller.send("GET", f"{path}/{other}").status_code == 404
    for number in range(9):
        caller.send("POST", path, body={**body, "eventName": f"m{number}"})
    assert caller.send("POST", path, body=body).status_code == 400


@pytest.mark.fact(52)
def test_a_call_is_taken_though_some_of_it_is_rejected(caller: Caller, subscription: str) -> None:
    first = {"event_name": "tokens", "quantity": 5, "external_id": "a"}
    answer = _post(
        caller,
        subscription,
        first,
        {"event_name": "unheard_of", "quantity": 1},
        first,
        {"event_name": "tokens", "quantity": 1, "event_at": "2020-01-01T00:00:00Z"},
        {"event_name": "tokens", "quantity": 1, "event_at": "2999-01-01T00:00:00Z"},
    )
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert (data["accepted"], data["duplicates"]) == (1, 1)
    assert [one["index"] for one in data["rejected"]] == [1, 3, 4]
    assert all(one["reason"] for one in data["rejected"])
    # The meter knows the id, whosever it is.
    (other,) = caller.sandbox.change([{"op": "create_subscription", "product": 0}])
    assert _post(caller, other, first).json()["data"]["duplicates"] == 1


@pytest.mark.fact(52)
def test_only_some_states_take_usage(caller: Caller, subscription: str) -> None:
    event = {"event_name": "tokens", "quantity": 1}
    for op, status in (
        ("miss_charge", 201),
        ("renew_subscription", 201),
        ("pause_subscription", 422),
        ("resume_subscription", 201),
        ("cancel_subscription", 422),
    ):
        caller.sandbox.change([{"op": op, "id": subscription}])
        if op == "renew_subscription":  # its new period begins in a month
            start = caller.get(f"/subscriptions/{subscription}")["currentPeriodStart"]
            caller.sandbox.pass_time(seconds=31 * 86_400)
            assert start
        assert _post(caller, subscription, event).status_code == status, op
    assert _post(caller, "sub_nobody_has_this", event).status_code == 404
    assert _post(caller, subscription).status_code == 422
    assert _post(caller, subscription, *[event] * 101).status_code == 422


@pytest.mark.fact(52)
def test_events_are_listed_newest_first_and_summed_up(caller: Caller, subscription: str) -> None:
    began = caller.get(f"/subscriptions/{subscription}")["currentPeriodStart"]
    # Never before the period began, whatever second that was.
    later = datetime.fromisoformat(began.replace("Z", "+00:00")) + timedelta(minutes=1)
    now = f"{later:%Y-%m-%dT%H:%M:}"
    for second in (58, 59):
        at = {"event_at": f"{now}{second}.999Z"}
        event = {"event_name": "tokens", "quantity": second, "external_id": str(second), **at}
        assert _post(caller, subscription, event).json()["data"]["accepted"] == 1
    path = f"/usage?subscription_id={subscription}"
    assert [one["externalId"] for one in caller.everything(path)] == ["59", "58"]
    assert [one["externalId"] for one in caller.everything(f"{path}&from={now}59Z")] == ["59"]
    assert [one["externalId"] for one in caller.everything(f"{path}&to={now}59Z")] == ["58"]
    assert caller.send("GET", "/usage").status_code == 400
    assert caller.send("GET", f"{path}&from=yesterday").status_code == 400
    usage = caller.get(f"/subscriptions/{subscription}/usage")
    assert usage["isUsageBased"] is True
    assert usage["currentPeriod"]["meters"][0]["quantity"] == 58 + 59
    assert usage["currentPeriod"]["usageAmount"] == 3 * (58 + 59)
    invoice = caller.get(f"/subscriptions/{subscription}/upcoming-invoice")
    assert (invoice["isUsageBased"], invoice["usageAmount"]) == (True, 3 * (58 + 59))
    assert invoice["total"] == usage["currentPeriod"]["projectedTotal"]
    caller.sandbox.change([{"op": "renew_subscription", "id": subscription}])
    usage = caller.get(f"/subscriptions/{subscription}/usage")
    assert usage["currentPeriod"]["usageAmount"] == 0
    assert [one["totalCharged"] for one in usage["pastPeriods"]] == [3 * (58 + 59)]
    (plain,) = caller.sandbox.change([{"op": "create_subscription", "product": 1}])
    assert caller.get(f"/subscriptions/{plain}/usage")["isUsageBased"] is False
    caller.sandbox.change([{"op": "forget_usage", "external_id": "59"}])
    assert len(caller.everything(path)) == 1
