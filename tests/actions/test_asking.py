"""What is asked is recorded with the caller's transaction, and once."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from pandabase_django import actions, tasks
from pandabase_django.exceptions import ActionInProgress, ActionRefused
from pandabase_django.models import Order, RemoteAction, Store
from pandabase_django.services.actions import queue
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.settling import settle_by_hand, settleable_by_hand
from pandabase_django.signals import action_settled
from tests.actions.conftest import LOG, REASON, Shop, pass_time, settled

pytestmark = pytest.mark.django_db


def test_an_action_belongs_to_the_callers_transaction(shop: Shop) -> None:
    this = shop.attempt("refund")
    with transaction.atomic():
        this.ask()
        transaction.set_rollback(True)
    assert not RemoteAction.objects.exists()
    assert queue.due_actions() == []


def test_who_asked_for_what_and_why_is_kept(shop: Shop) -> None:
    user = User.objects.create_user("ada")
    action = actions.refund(shop.order(), reason=f" {REASON} ", code="DUPLICATE", by=user)
    assert (action.reason, action.asked_by, action.parameters) == (
        REASON,
        user,
        {"reason": "DUPLICATE"},
    )
    assert len(action.idempotency_key) == 32
    action = settled(action)
    assert action.request_id.startswith("req_")
    assert action.http_status == 200
    assert action.result_id.startswith("rfd_")
    user.delete()
    assert RemoteAction.objects.get().asked_by is None


def test_an_object_has_one_open_action_and_others_have_their_own(shop: Shop) -> None:
    row, other = shop.subscription(), shop.subscription()
    first = actions.pause_subscription(row, reason=REASON)
    with pytest.raises(ActionInProgress) as caught:
        actions.cancel_subscription(row, reason=REASON)
    assert caught.value.action_id == first.pk
    actions.pause_subscription(other, reason=REASON)
    assert settled(first).state == "DONE"
    row.refresh_from_db()
    assert row.status == "PAUSED"
    assert settled(actions.cancel_subscription(row, reason=REASON)).state == "DONE"


def test_a_reason_is_needed_and_the_row_must_be_of_the_kind(shop: Shop) -> None:
    order = shop.order()
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(ActionRefused) as caught:
            actions.refund(order, reason=reason)
        assert caught.value.code == "reason"
    with pytest.raises(TypeError, match="takes a Order, not Subscription"):
        actions.refund(shop.subscription(), reason=REASON)  # type: ignore[arg-type]


def test_the_row_counts_as_it_is_and_not_as_the_caller_read_it(shop: Shop) -> None:
    order = shop.order()
    Order.objects.filter(pk=order.pk).update(status="REFUNDED")
    with pytest.raises(ActionRefused, match="REFUNDED"):
        actions.refund(order, reason=REASON)
    Order.objects.filter(pk=order.pk).update(status="COMPLETED", gone_at=timezone.now())
    with pytest.raises(ActionRefused) as caught:
        actions.refund(order, reason=REASON)
    assert caught.value.code == "gone"


def test_a_row_of_another_store_is_not_meant_by_the_same_id(shop: Shop) -> None:
    order = shop.order()
    other = Store.objects.create(pk="shp_other", title="Other")
    order.store = other
    with pytest.raises(ActionRefused):
        actions.refund(order, reason=REASON)


def test_it_is_performed_outside_of_transactions_alone(shop: Shop) -> None:
    action = shop.attempt("refund").ask()
    with (
        transaction.atomic(),
        pytest.raises(transaction.TransactionManagementError, match="inside a transaction"),
    ):
        actions.perform(action)


@pytest.mark.django_db(transaction=True)
def test_a_commit_hands_it_to_a_worker_and_a_lost_message_is_sent_again(
    shop: Shop, broker: Any
) -> None:
    with transaction.atomic():
        action = shop.attempt("refund").ask()
        assert broker() is None
    assert json.loads(broker().body)[0] == [str(action.pk)]
    assert broker() is None
    assert tasks.sweep_actions() == 0
    pass_time(action, minutes=3)
    assert tasks.sweep_actions() == 1
    assert tasks.sweep_actions() == 0
    assert json.loads(broker().body)[0] == [str(action.pk)]
    assert tasks.perform_action(str(action.pk)) == "DONE"
    assert tasks.sweep_actions() == 0
    assert tasks.perform_action("00000000-0000-0000-0000-000000000000") == ""


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_it_waits_for_the_sweep(shop: Shop, dead_broker: None) -> None:
    action = shop.attempt("refund").ask()
    action.refresh_from_db()
    assert (action.state, action.enqueued_at) == ("PREPARED", None)
    assert queue.due_actions() == [action.pk]


def test_its_end_is_announced_once(shop: Shop) -> None:
    heard: list[tuple[str, str]] = []

    def listen(sender: Any, action: RemoteAction, **_: Any) -> None:
        heard.append((action.what, action.state))

    action_settled.connect(listen)
    try:
        settled(shop.attempt("pause").ask())
        refused = shop.attempt("refund")
        shop.sandbox.change([{"op": "refund_order", "id": refused.row.pk}])
        settled(refused.ask())
    finally:
        action_settled.disconnect(listen)
    assert heard == [("PAUSE", "DONE"), ("REFUND", "REFUSED")]


@pytest.mark.parametrize("words", ["ada@example.com has no card", "sk_" + "a" * 40, LOG[:40]])
def test_no_secret_and_nothing_of_a_person_is_kept_of_a_refusal(
    words: str, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    this = shop.attempt("evidence")
    action = this.ask()
    rule = {"action": "status", "args": {"status": 422, "error": f"No: {words}"}}
    shop.sandbox.fault([{"match": {"path_regex": this.path}, **rule}])
    with caplog.at_level(logging.DEBUG, "pandabase_django"):
        action = settled(action)
    assert action.state == "REFUSED"
    assert action.outcome
    for kept in (action.outcome, caplog.text, repr(action), str(action)):
        assert words not in kept
        assert "ada@" not in kept
        assert "signed in" not in kept


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_what_no_database_keeps_is_replaced_before_it_gets_there(odd: str, shop: Shop) -> None:
    """Its error would carry the text, and end the caller's transaction."""
    dispute, row = shop.dispute(), shop.subscription()
    action = actions.submit_evidence(dispute, f"took{odd}lesson", reason=f"by{odd}mail")
    action.refresh_from_db()
    assert (action.reason, action.parameters) == (
        "by\ufffdmail",
        {"access_activity_log": "took\ufffdlesson"},
    )
    assert settled(action).state == "DONE"
    for wanted in ({"product": f"prd{odd}"}, {"billing_interval": f"YEARLY{odd}"}):
        with pytest.raises(ActionRefused):
            actions.change_plan(row, reason=REASON, **wanted)  # type: ignore[arg-type]
    this = shop.attempt("fulfilment")
    lost = this.ask()
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    lost = settled(lost)
    pass_time(lost, minutes=11)
    assert settle_by_hand(lost, kind=kind_of(lost.what), happened=True, reason=f"I{odd}saw")
    lost.refresh_from_db()
    assert lost.outcome == "I\ufffdsaw"


def test_a_person_settles_what_no_reading_can(shop: Shop) -> None:
    this = shop.attempt("fulfilment")
    action = this.ask()
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    action = settled(action)
    assert (action.state, action.is_open) == ("UNKNOWN", False)
    again = this.ask()
    assert settled(again).state == "DONE"
    pass_time(action, minutes=11)
    kind = kind_of(action.what)
    with pytest.raises(ActionRefused):
        settle_by_hand(action, kind=kind, happened=False, reason=" ")
    assert settle_by_hand(action, kind=kind, happened=False, reason="No webhook came.")
    assert (action.state, action.settled_by) == ("REFUSED", "PERSON")
    assert action.outcome == "No webhook came."
    assert not settle_by_hand(action, kind=kind, happened=True, reason="x")
    assert not settleable_by_hand(again)


@pytest.mark.parametrize("state", ["SENT", "UNKNOWN"])
def test_nobody_says_what_became_of_it_while_it_may_still_be_executed(
    state: str, shop: Shop
) -> None:
    action = shop.attempt("pause").ask()
    action.state, action.sent_at = state, timezone.now()
    assert not settleable_by_hand(action)
    assert settleable_by_hand(action, now=timezone.now() + timedelta(minutes=11))


def test_not_executed_is_taken_from_a_person_only_when_pandabase_does_not_show_it(
    shop: Shop,
) -> None:
    """Whoever looked at the dashboard may have looked too early; then it would be done twice."""
    this = shop.attempt("cancel")
    action = this.ask()
    kind = kind_of(action.what)
    reads = {"match": {"path_regex": "/subscriptions/sub_[a-z0-9]+$"}, "action": "reset"}
    shop.sandbox.fault(
        [
            {"match": {"path_regex": this.path}, "action": "commit_then_reset"},
            {**reads, "times": 0},
        ]
    )
    action = actions.perform(action)
    no = {"kind": kind, "happened": False, "reason": "I see nothing."}
    assert not settle_by_hand(action, **no)
    pass_time(action, minutes=11)
    with pytest.raises(ActionRefused, match="could not be read") as caught:
        settle_by_hand(action, **no)
    assert caught.value.code == "unread"
    assert (action.state, action.is_open) == ("UNKNOWN", True)
    shop.sandbox.clear_faults()
    assert not settle_by_hand(action, **no)
    assert (action.state, action.settled_by) == ("DONE", "READING")


@pytest.mark.usefixtures("short_backoff")
def test_what_can_t_be_read_for_good_is_a_person_s_word(shop: Shop) -> None:
    this = shop.attempt("cancel")
    action = this.ask()
    match = {"path_regex": "/subscriptions/sub_"}
    shop.sandbox.fault([{"match": match, "action": "reset", "times": 0}])
    action = actions.perform(action)
    pass_time(action, hours=26)
    action = settled(action)
    assert (action.state, action.is_open) == ("UNKNOWN", False)
    no = {"kind": kind_of(action.what), "happened": False, "reason": "I see nothing."}
    assert settle_by_hand(action, **no)
    assert (action.state, action.settled_by) == ("REFUSED", "PERSON")


@pytest.mark.usefixtures("short_backoff")
def test_a_remote_that_can_t_be_read_keeps_it_open_for_a_day(shop: Shop) -> None:
    this = shop.attempt("pause")
    action = this.ask()
    match = {"path_regex": "/subscriptions/sub_"}
    shop.sandbox.fault([{"match": match, "action": "reset", "times": 0}])
    for hours in (1, 1, 10, 10):
        action = settled(action, hours=0.2)
        assert (action.state, action.is_open) == ("UNKNOWN", True)
        pass_time(action, hours=hours)
    pass_time(action, hours=3)
    action = settled(action)
    assert (action.state, action.is_open, action.settled_by) == ("UNKNOWN", False, "TIME")
    assert "could not be read" in action.outcome
