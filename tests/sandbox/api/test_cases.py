"""Support cases: listed, answered, read and closed."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Caller


@pytest.mark.fact(60)
def test_cases_are_listed_newest_first_and_filtered(caller: Caller) -> None:
    every = caller.everything("/cases", limit=5)
    assert len(every) == 12
    times = [case["createdAt"] for case in every]
    assert times == sorted(times, reverse=True)
    for case in every:
        assert caller.get(f"/cases/{case['id']}") == case
    for name in ("status", "priority", "orderId", "customerId"):
        wanted = every[0][name]
        found = caller.everything(f"/cases?{name}={wanted}")
        assert found == [case for case in every if case[name] == wanted]
    assert {case["status"] for case in every} == {
        "OPEN",
        "AWAITING_CUSTOMER",
        "AWAITING_MERCHANT",
        "CLOSED",
    }


def test_a_case_is_about_an_order_of_its_customer(caller: Caller) -> None:
    for case in caller.get("/cases")["items"]:
        assert caller.get(f"/orders/{case['orderId']}")["customer"]["id"] == case["customerId"]
        messages = caller.get(f"/cases/{case['id']}/messages")["items"]
        assert messages[0]["senderId"] == case["customerId"]
        assert messages[-1]["createdAt"] == case["lastMessageAt"]
        assert messages[-1]["senderType"] == case["lastMessageBy"]


@pytest.mark.fact(60)
def test_an_answer_awaits_the_customer_who_writes_again(caller: Caller) -> None:
    (pk,) = caller.sandbox.change(
        [{"op": "open_case", "order": 3, "subject": "Key", "body": "It does not work."}]
    )
    opened = caller.get(f"/cases/{pk}")
    assert (opened["status"], opened["unreadCount"], opened["subject"]) == ("OPEN", 1, "Key")
    attachment = {
        "attachmentId": "att_0123456789",
        "filename": "key.txt",
        "mimeType": "text/plain",
        "sizeBytes": 12,
    }
    body = {"body": "Try this one.", "attachments": [attachment]}
    answer = caller.send("POST", f"/cases/{pk}/messages", body=body)
    assert answer.status_code == 201
    sent = answer.json()["data"]
    assert (sent["senderType"], sent["body"]) == ("MERCHANT", "Try this one.")
    assert sent["attachments"] == [attachment]
    answered = caller.get(f"/cases/{pk}")
    assert (answered["status"], answered["lastMessageBy"]) == ("AWAITING_CUSTOMER", "MERCHANT")
    caller.sandbox.change([{"op": "write_to_case", "id": pk, "body": "Thanks!"}])
    again = caller.get(f"/cases/{pk}")
    assert (again["status"], again["unreadCount"]) == ("AWAITING_MERCHANT", 2)
    assert caller.send("POST", f"/cases/{pk}/read").json()["data"] == {"ok": True}
    assert caller.get(f"/cases/{pk}")["unreadCount"] == 0
    texts = [one["body"] for one in caller.everything(f"/cases/{pk}/messages", limit=2)]
    assert texts == ["It does not work.", "Try this one.", "Thanks!"]


@pytest.mark.fact(60)
def test_a_closed_case_takes_no_answer_until_it_is_open_again(caller: Caller) -> None:
    pk = caller.get("/cases?status=OPEN")["items"][0]["id"]
    closed = caller.send("PATCH", f"/cases/{pk}", body={"status": "CLOSED"}).json()["data"]
    assert (closed["closedBy"], closed["closedAt"]) == ("MERCHANT", closed["updatedAt"])
    refused = caller.send("POST", f"/cases/{pk}/messages", body={"body": "One more thing"})
    assert refused.status_code == 400
    body = {"status": "OPEN", "priority": "URGENT"}
    opened = caller.send("PATCH", f"/cases/{pk}", body=body).json()["data"]
    assert (opened["status"], opened["priority"], opened["closedAt"]) == ("OPEN", "URGENT", None)
    assert caller.send("POST", f"/cases/{pk}/messages", body={"body": "Now"}).status_code == 201


def test_only_customers_open_cases_that_await_the_merchant(caller: Caller) -> None:
    pk = caller.get("/cases")["items"][0]["id"]
    assert (
        caller.send("PATCH", f"/cases/{pk}", body={"status": "AWAITING_MERCHANT"}).status_code
        == 422
    )


@pytest.mark.parametrize("path", ["", "/messages", "/read"])
def test_an_unknown_case_is_404(caller: Caller, path: str) -> None:
    method = "POST" if path == "/read" else "GET"
    assert caller.send(method, f"/cases/case_000000000000{path}").status_code == 404
