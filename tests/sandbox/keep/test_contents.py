"""A sandbox with a state file is, after a restart, what it was."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox, StateRefused
from pandabase_django.sandbox.control.dump import DUMP_KINDS
from pandabase_django.sandbox.keep.encoding import from_json, to_json
from pandabase_django.sandbox.store.state import StoreState, WorldSize
from tests.sandbox.conftest import Caller
from tests.sandbox.webhooks.receiver import Receiver

SIZE: dict[str, Any] = {"seed": 7, "products": 30, "orders": 650}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver([500]) as running:
        yield running


def _everything(sandbox: Sandbox) -> dict[str, Any]:
    """All that a reader could see, whichever way."""
    found: dict[str, Any] = {kind: sandbox.dump(kind) for kind in DUMP_KINDS}
    found["counts"] = {**sandbox.counts(), "requests_served": 0}
    found["deliveries"] = [
        {**one, "due_in_seconds": None, "attempts": len(one["attempts"])}
        for one in sandbox.deliveries()
    ]
    found["tokens"] = json.loads(sandbox.start_line())["tokens"]
    return found


def _live_through_much(sandbox: Sandbox, url: str) -> None:
    caller = Caller(sandbox, sandbox.hmac_token)
    sandbox.add_webhook(url)
    product = caller.get("/products")["items"][4]["id"]
    body = {"title": "Kept é", "price": 500, "productType": "LICENSE_KEY", "status": "ACTIVE"}
    made = caller.send("POST", "/products", body=body).json()["data"]["id"]
    caller.send("PATCH", f"/products/{product}", body={"title": "Changed"})
    caller.send("DELETE", f"/products/{caller.get('/products')['items'][5]['id']}")
    caller.send("POST", "/coupons", body={"code": "KEPT", "type": "FIXED", "value": 100})
    case = caller.get("/cases?status=OPEN")["items"][0]["id"]
    caller.send("POST", f"/cases/{case}/messages", body={"body": "Here you are"})
    period = {"periodStart": "2024-01-01T00:00:00Z", "periodEnd": "2024-02-01T00:00:00Z"}
    caller.send("POST", "/reports", body={"type": "PAYMENT_ACTIVITY", **period})
    line = {"product_id": made, "quantity": 2}
    checkouts = f"/v2/stores/{sandbox.store_id}/checkouts"
    opened = [
        caller.send("POST", checkouts, body={"items": [line], "coupon_code": "KEPT"})
        for _ in range(3)
    ]
    paid, slow, _ = [one.json()["data"]["id"] for one in opened]
    sandbox.change(
        [
            {"op": "pay_checkout", "id": paid, "email": "kept@example.com"},
            {"op": "pay_checkout", "id": slow, "as": "async"},
            {"op": "create_order", "status": "PENDING", "count": 2},
            {"op": "refund_order", "index": 649},
            {"op": "dispute_order", "index": 648},
            {"op": "fail_fulfillment", "index": 647},
            {"op": "hide_order", "index": 646},
            {"op": "remove_order", "index": 645},
            {
                "op": "edit_order",
                "index": 644,
                "fields": {"amount": "odd"},
                "list_fields": {"x": 1},
            },
            {"op": "rename_order", "index": 643, "to": "ord_a/b ?c"},
            {"op": "rename_category", "index": 2, "to": "ctg_é"},
            {"op": "create_subscription", "product": 1, "customer": 2},
            {"op": "create_meter", "product": 1, "event": "tokens"},
            {"op": "create_license", "product": 1, "key": "POOL"},
            {"op": "create_payout", "amount": 700},
            {"op": "remove_entry", "index": -1},
            {"op": "edit_customer", "index": 3, "fields": {"email": "new@example.com"}},
            {"op": "remove_customer", "index": 4},
            {"op": "edit_store", "fields": {"title": "Kept"}},
        ]
    )
    subscription = sandbox.dump("subscriptions")[-1]["id"]
    events = [{"event_name": "tokens", "quantity": 3, "external_id": "one"}]
    caller.send("POST", "/usage", body={"subscription_id": subscription, "events": events})
    change = {"quantity": 2, "proration_behavior": "END_OF_PERIOD"}
    caller.send("POST", f"/subscriptions/{subscription}/change", body=change)
    sandbox.permit_token(sandbox.add_token().token_id, ("STORE_READ",))
    sandbox.revoke_token(sandbox.add_token().token_id)
    bearer = sandbox.bearer_token.token_id
    rolled = caller.send("POST", f"/v2/stores/{sandbox.store_id}/tokens/{bearer}/roll-secret")
    assert rolled.status_code == 200
    caller.session.close()


def _until(happened: Callable[[], bool]) -> None:
    for _ in range(200):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("It did not happen within ten seconds.")


def test_all_that_a_reader_sees_is_there_after_a_restart(path: Path, receiver: Receiver) -> None:
    slow = {"webhook_time_factor": 0.01}  # nothing is tried again while this test looks
    with Sandbox(**SIZE, state_file=path, **slow) as sandbox:
        _live_through_much(sandbox, f"{receiver.url}/hook")
        _until(lambda: all(one["attempts"] for one in sandbox.deliveries()))
        before = _everything(sandbox)
    with Sandbox(**SIZE) as untouched:
        unchanged = _everything(untouched)
    with Sandbox(**SIZE, state_file=path, **slow) as again:
        after = _everything(again)
    for kind, found in before.items():
        assert after[kind] == found, kind
        assert unchanged[kind] != found, f"nothing of {kind} was changed"


def test_what_comes_after_a_restart_takes_no_id_of_what_was_before(path: Path) -> None:
    body = {"title": "x", "price": 500, "productType": "LICENSE_KEY"}
    seen: list[str] = []
    for _ in range(3):
        with Sandbox(**SIZE, state_file=path) as sandbox:
            caller = Caller(sandbox, sandbox.hmac_token)
            seen.append(caller.send("POST", "/products", body=body).json()["data"]["id"])
            seen += sandbox.change(
                [
                    {"op": "create_order"},
                    {"op": "refund_order", "index": 10},
                    {"op": "open_case", "order": 0},
                    {"op": "create_payout"},
                    {"op": "send_event", "type": "PAYMENT_COMPLETED", "index": 20},
                ]
            )
            seen.append(sandbox.add_token().token_id)
            caller.session.close()
    orders = [one for one in seen if one == sandbox.state.ids.make("order", 10)]
    assert len(set(seen)) == len(seen) - len(orders) + 1


def test_a_key_is_replayed_after_a_restart_and_refunds_nothing_twice(path: Path) -> None:
    headers = {"Idempotency-Key": "0123456789abcdef"}
    answers = []
    for _ in range(2):
        with Sandbox(**SIZE, state_file=path) as sandbox:
            caller = Caller(sandbox, sandbox.hmac_token)
            order = caller.get("/orders?status=COMPLETED&sort=asc")["items"][0]["id"]
            refund = f"/refunds/orders/{order}" if not answers else answers[0].request.path_url
            answers.append(caller.send("POST", refund, body={}, headers=headers))
            caller.session.close()
            refunds = len(sandbox.dump("refunds"))
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replay"] == "true"
    with Sandbox(**SIZE) as untouched:
        assert refunds == len(untouched.dump("refunds")) + 1


def test_deliveries_that_waited_are_sent_after_a_restart(path: Path) -> None:
    with Receiver([500, 200]) as receiver:
        with Sandbox(**SIZE, state_file=path) as sandbox:
            sandbox.add_webhook(f"{receiver.url}/hook")
            (event,) = sandbox.change(
                [{"op": "send_event", "type": "PAYMENT_COMPLETED", "index": 3}]
            )
            _until(lambda: bool(sandbox.deliveries()[0]["attempts"]))
        with Sandbox(**SIZE, state_file=path) as again:
            (waiting,) = again.deliveries()
            assert (waiting["event_id"], waiting["state"]) == (event, "WAITING")
            assert 0 < waiting["due_in_seconds"] <= 5
            again.hurry_deliveries()
            assert again.wait_for_deliveries(timeout_seconds=10)
            (sent,) = again.deliveries()
            assert (sent["state"], len(sent["attempts"])) == ("DELIVERED", 2)
    assert receiver.received[0].body == receiver.received[1].body


def test_a_slow_payment_ends_after_a_restart(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path, async_payment_seconds=1.5) as sandbox:
        line = {"name": "A book", "amount": 900, "quantity": 1}
        (session,) = sandbox.change([{"op": "open_checkout", "items": [line]}])
        caller = Caller(sandbox, sandbox.hmac_token)
        page = f"/pay/stores/{sandbox.store_id}/sids/{session}"
        form = {"action": "later", "email": "slow@example.com", "country": "DE"}
        caller.session.post(sandbox.url + page, data=form, timeout=10)
        assert sandbox.dump("checkouts")[0]["state"] == "PROCESSING"
        caller.session.close()
    with Sandbox(**SIZE, state_file=path) as again:
        _until(lambda: again.dump("checkouts")[0]["state"] == "PAID")


def test_a_stopped_clock_stands_where_it_stood(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path) as sandbox:
        sandbox.set_clock(1_900_000_000_000)
        sandbox.pass_time(seconds=60)
    with Sandbox(**SIZE, state_file=path) as again:
        assert again.state.clock.read_ms() == 1_900_000_060_000


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path) as sandbox:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        sandbox.change([{"op": "create_order"}])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sandbox.hmac_token.secret in path.read_text()
    assert [one.name for one in path.parent.iterdir() if one.name.endswith(".new")] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no state of a sandbox"),
        ("[1, 2]", "is no state of a sandbox"),
        ('{"format": "something else"}', "is no state of a sandbox"),
        ("\xff", "is no state of a sandbox"),
        ('{"format": "pandabase_sandbox state", "version": 2}', "is of version 2, and this"),
    ],
)
def test_a_file_of_another_kind_or_version_is_refused_and_left_alone(
    path: Path, text: str, words: str
) -> None:
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StateRefused, match=words):
        Sandbox(**SIZE, state_file=path)
    assert path.read_text(encoding="latin-1") == text


@pytest.mark.parametrize("lacks", ["world", "seeded", "parts"])
def test_a_file_that_is_not_whole_is_refused(path: Path, lacks: str) -> None:
    with Sandbox(**SIZE, state_file=path):
        pass
    found = json.loads(path.read_text())
    del found[lacks]
    path.write_text(json.dumps(found))
    with pytest.raises(StateRefused, match="is not whole"):
        Sandbox(**SIZE, state_file=path)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path):
        pass
    os.chown(path, 12345, -1)
    with pytest.raises(StateRefused, match="belongs to another user"):
        Sandbox(**SIZE, state_file=path)


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    path.with_name(f"{path.name}.lock").symlink_to(target)
    with pytest.raises(StateRefused, match="can't write"):
        Sandbox(**SIZE, state_file=path)
    assert not target.exists()


def test_a_file_with_parts_that_are_none_is_refused(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path):
        pass
    found = json.loads(path.read_text())
    for change in (
        lambda parts: parts.pop("orders"),
        lambda parts: parts["orders"].update(_overlay={"$object": "Spy", "$fields": {}}),
        lambda parts: parts["orders"].update(_overlay={"$object": "Item", "$fields": {"x": 1}}),
    ):
        parts = json.loads(json.dumps(found["parts"]))
        change(parts)
        path.write_text(json.dumps({**found, "parts": parts}))
        with pytest.raises(StateRefused, match="can't be read"):
            Sandbox(**SIZE, state_file=path)


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"orders": 651}, {"odd_ids": True}, {"equal_times": True}]
)
def test_a_store_that_is_seeded_otherwise_is_refused(path: Path, other: dict[str, Any]) -> None:
    with Sandbox(**SIZE, state_file=path):
        pass
    (name,) = other
    with pytest.raises(StateRefused, match=f"holds a store with {name} "):
        Sandbox(**{**SIZE, **other}, state_file=path)


def test_a_release_that_seeds_other_objects_is_refused(path: Path) -> None:
    with Sandbox(**SIZE, state_file=path):
        pass
    path.write_text(path.read_text().replace('"seeded": "', '"seeded": "0'))
    with pytest.raises(StateRefused, match="seeds other objects"):
        Sandbox(**SIZE, state_file=path)


def test_two_sandboxes_do_not_share_a_file(path: Path) -> None:
    with (
        Sandbox(**SIZE, state_file=path),
        pytest.raises(StateRefused, match="is used by another sandbox"),
    ):
        Sandbox(**SIZE, state_file=path)
    with Sandbox(**SIZE, state_file=path):
        pass


def test_a_folder_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(StateRefused, match=r"can't write .*: No such file or directory"):
        Sandbox(**SIZE, state_file=path.parent / "missing" / "state.json")


def test_odd_values_are_written_and_read() -> None:
    value = {
        "plain": [1, 2.5, None, True, "\ud800 ☕"],
        1: ("a", frozenset({2})),
        "$map": {"$object": "not one"},
        "bytes": b"\x00\xff",
    }
    found = from_json(json.loads(json.dumps(to_json(value))))
    assert found == value
    with pytest.raises(TypeError, match="does not keep objects of object"):
        to_json([object()])


FROM_THE_SEED = {
    "size",
    "lock",
    "store_id",
    "listeners",
    "before_change",
    "lifecycle",
    "timeline",
    "people",
    "catalogue",
    "sales",
    "subscribed",
    "items_by_kind",
    "licenses_known",
}
"""Attributes of a store that a restart makes anew."""

PARTS = {
    "clock",
    "ids",
    "products",
    "categories",
    "coupons",
    "webhooks",
    "payouts",
    "subscriptions",
    "meters",
    "usage",
    "cases",
    "reports",
    "orders",
    "refunds",
    "disputes",
    "ledger",
}


def test_no_attribute_of_a_store_is_forgotten() -> None:
    state = StoreState(WorldSize())
    kept = set(StoreState.KEPT) | PARTS | FROM_THE_SEED
    assert vars(state).keys() == kept
    assert all(getattr(type(getattr(state, part)), "KEPT", None) for part in PARTS)
