"""Usage reaches the remote once, whatever happens to an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.exceptions import InvalidCredential
from pandabase_django.models import ApiToken, Store, Subscription, UsageRecord
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS
from pandabase_django.tasks import send_store_usage
from pandabase_django.tasks import send_usage as send_due
from pandabase_django.usage import Usage, record_usage, record_usages, send_usage
from tests.usage.world import Killed, billed, killer, pass_time

pytestmark = pytest.mark.django_db(transaction=True)

State = UsageRecord.State
HERE = {"method": "POST", "path_regex": "/usage$"}


def _states() -> list[str]:
    return sorted(set(UsageRecord.objects.values_list("state", flat=True)))


def _posts(sandbox: Sandbox) -> int:
    return sum(
        one["method"] == "POST" and one["path"].endswith("/usage") for one in sandbox.requests()
    )


@pytest.mark.fact(52)
def test_batches_are_of_a_hundred_and_of_one_subscription(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    one, other, third = subscriptions
    record_usages(Usage(one if n % 2 else other, "tokens", n) for n in range(301))
    record_usage(third, "calls", 0)
    result = send_usage(store)
    assert (result.sent, result.rejected, result.left, result.trouble) == (302, 0, 0, "")
    assert _states() == ["SENT"]
    assert _posts(sandbox) == 2 + 2 + 1
    here = UsageRecord.objects.values_list("subscription_id", "external_id", "quantity")
    assert billed(sandbox) == {(sub, external): quantity for sub, external, quantity in here}
    assert send_usage(store).sent == 0
    shown = {event["externalId"]: event["eventAt"] for event in sandbox.dump("usage")}
    row = UsageRecord.objects.first()
    assert row is not None
    assert shown[row.external_id] == row.at.strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{row.at.microsecond // 1000:03}Z"
    )


def test_inside_a_transaction_nothing_is_sent_that_a_rollback_would_forget(
    sandbox: Sandbox, store: Store, subscription: Subscription
) -> None:
    record_usage(subscription, "tokens", 1)
    message = "send_usage must not run inside a transaction"
    with (
        transaction.atomic(),
        pytest.raises(transaction.TransactionManagementError, match=message),
    ):
        send_usage(store)
    assert billed(sandbox) == {}


@pytest.mark.fact(52)
@pytest.mark.parametrize(
    "action",
    [
        {"action": "commit_then_reset"},
        {"action": "truncate"},
        {"action": "cut_json"},
        {"action": "wrong_json"},
        {"action": "null_data"},
        {"action": "html"},
        {"action": "html", "args": {"status": 403}},
        {"action": "reset"},
        {"action": "close"},
        {"action": "delay_then_execute", "args": {"seconds": 0.05}},
        *({"action": "status", "args": {"status": status}} for status in (429, 500, 503)),
    ],
    ids=str,
)
def test_an_answer_that_gets_lost_bills_nothing_twice_and_loses_nothing(
    sandbox: Sandbox,
    store: Store,
    subscription: Subscription,
    action: dict[str, Any],
    settings: Any,
) -> None:
    record_usages(Usage(subscription, "tokens", n) for n in range(5))
    sandbox.fault([{"match": HERE, **action}])
    usual = settings.PANDABASE
    settings.PANDABASE = {**usual, "MAX_RATE_LIMIT_WAIT_SECONDS": 0}
    first = send_usage(store)
    settings.PANDABASE = usual
    assert first.sent == 0
    assert first.trouble
    assert _states() == ["PENDING"]
    sandbox.clear_faults()
    for _ in range(3):
        pass_time()
        sandbox.pass_time(seconds=2)
        if send_usage(store).sent:
            break
    assert _states() == ["SENT"]
    assert sorted(billed(sandbox).values()) == [0, 1, 2, 3, 4]


@pytest.mark.fact(52)
def test_what_may_be_there_is_looked_for_before_it_is_sent_again(
    sandbox: Sandbox, store: Store, token: ApiToken, subscription: Subscription
) -> None:
    record_usages(Usage(subscription, "tokens", n) for n in range(3))
    sandbox.fault([{"match": HERE, "action": "commit_then_reset"}])
    send_usage(store)
    # Its plan changes to a product whose meters do not know the ids.
    product = sandbox.state.ids.make("product", 1)
    shown = {"product.id": product}
    sandbox.change([{"op": "edit_subscription", "id": subscription.pk, "fields": shown}])
    pass_time()
    before = _posts(sandbox)
    assert send_usage(store).sent == 3
    assert _posts(sandbox) == before
    assert len(billed(sandbox)) == 3
    # A token that may not read relies on the ids.
    without = tuple(code for code in ALL_PERMISSIONS if code != "USAGE_READ")
    sandbox.permit_token(token.token_id, without)
    record_usage(subscription, "tokens", 7)
    sandbox.fault([{"match": HERE, "action": "commit_then_reset"}])
    send_usage(store)
    pass_time()
    assert send_usage(store).sent == 1
    assert len(billed(sandbox)) == 4


@pytest.mark.fact(52)
def test_what_is_rejected_keeps_its_reason_and_holds_up_nothing(
    sandbox: Sandbox, store: Store, subscription: Subscription
) -> None:
    late = timezone.now() - timedelta(days=400)
    record_usages(Usage(subscription, "tokens", n) for n in range(3))
    record_usage(subscription, "unheard_of", 3)
    record_usage(subscription, "tokens", 4, at=late)
    result = send_usage(store)
    assert (result.sent, result.rejected) == (3, 2)
    reasons = dict(UsageRecord.objects.filter(state="REJECTED").values_list("event", "reason"))
    assert reasons == {
        "unheard_of": "The product has no meter for this event_name",
        "tokens": "event_at is before the current period",
    }
    assert send_usage(store).sent == 0


@pytest.mark.fact(52)
def test_a_subscription_that_takes_none_costs_few_requests(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    one, other, gone = subscriptions
    sandbox.change([{"op": "pause_subscription", "id": one.pk}])
    Subscription.objects.filter(pk=gone.pk).update(id="sub_nobody_has_this_id")
    gone = Subscription.objects.get(pk="sub_nobody_has_this_id")
    record_usages(Usage(one, "tokens", n) for n in range(100))
    record_usages(Usage(gone, "tokens", n) for n in range(50))
    record_usage(other, "tokens", 1)
    result = send_usage(store)
    assert (result.sent, result.rejected, result.trouble) == (1, 150, "")
    assert _posts(sandbox) == 4 + 1 + 1
    reasons = set(UsageRecord.objects.filter(state="REJECTED").values_list("reason", flat=True))
    assert reasons == {
        "The subscription does not accept usage (HTTP 422)",
        "Subscription not found (HTTP 404)",
    }


@pytest.mark.parametrize("place", [0, 37, 50, 99])
def test_one_event_that_spoils_its_batch_is_found(
    sandbox: Sandbox, store: Store, subscription: Subscription, place: int
) -> None:
    record_usages(Usage(subscription, "tokens", n) for n in range(100))
    bad = UsageRecord.objects.order_by("pk")[place]
    UsageRecord.objects.filter(pk=bad.pk).update(event="")  # as no shop can record it
    result = send_usage(store)
    assert (result.sent, result.rejected) == (99, 1)
    assert UsageRecord.objects.get(state="REJECTED").pk == bad.pk
    assert len(billed(sandbox)) == 99


@pytest.mark.fact(52)
def test_what_lies_ahead_waits_until_it_can_be_sent(
    sandbox: Sandbox, store: Store, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = record_usage(subscription, "tokens", 1, at=timezone.now() + timedelta(hours=3))
    record_usage(subscription, "tokens", 2, at=timezone.now() + timedelta(minutes=50))
    assert send_usage(store).sent == 1
    row.refresh_from_db()
    assert row.state == "PENDING"
    sandbox.pass_time(seconds=3 * 3600)
    pass_time(minutes=125)
    assert send_usage(store).sent == 1
    assert sorted(billed(sandbox).values()) == [1, 2]


@pytest.mark.fact(52)
def test_a_clock_that_is_ahead_delays_usage_and_loses_none(
    sandbox: Sandbox, store: Store, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = timezone.now
    with monkeypatch.context() as ahead:
        ahead.setattr(timezone, "now", lambda: real() + timedelta(hours=2))
        record_usage(subscription, "tokens", 1)
        result = send_usage(store)
        assert (result.sent, result.rejected, result.left) == (0, 0, 1)
        row = UsageRecord.objects.get()
        wait = row.due_at - timezone.now()
        assert timedelta(minutes=64) < wait < timedelta(minutes=66)
    sandbox.pass_time(seconds=66 * 60)
    pass_time(minutes=200)
    assert send_usage(store).sent == 1


def test_a_clock_that_is_behind_is_taken_as_it_is(
    sandbox: Sandbox, store: Store, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.change(
        [
            {
                "op": "edit_subscription",
                "id": subscription.pk,
                "fields": {"currentPeriodStart": (timezone.now() - timedelta(days=1)).isoformat()},
            }
        ]
    )
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() - timedelta(hours=2))
    record_usage(subscription, "tokens", 1)
    assert send_usage(store).sent == 1


def test_a_refused_credential_leaves_all_where_it_was(
    sandbox: Sandbox, store: Store, token: ApiToken, subscription: Subscription
) -> None:
    record_usages(Usage(subscription, "tokens", n) for n in range(250))
    sandbox.fault([{"match": HERE, "action": "status", "args": {"status": 401}, "times": 0}])
    with pytest.raises(InvalidCredential):
        send_usage(store)
    assert _states() == ["PENDING"]
    sandbox.clear_faults()
    pass_time()
    assert send_usage(store).sent == 250
    assert len(billed(sandbox)) == 250


def test_a_worker_that_is_killed_at_any_statement_loses_and_repeats_nothing(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    expected = 0
    for after in range(1, 200):
        record_usages(Usage(subscriptions[n % 3], "tokens", n) for n in range(4))
        expected += 4
        statements = killer(after)
        try:
            with connection.execute_wrapper(statements):
                send_usage(store)
        except Killed:
            connection.close()
        else:
            break
        pass_time()
    else:
        raise AssertionError("It never came to its end.")
    assert after > 10
    for _ in range(2):
        pass_time()
        send_usage(store)
    assert _states() == ["SENT"]
    assert len(billed(sandbox)) == UsageRecord.objects.count() == expected


def test_a_claim_that_ran_out_is_left_to_who_has_it_now(
    sandbox: Sandbox, store: Store, subscription: Subscription
) -> None:
    row = record_usage(subscription, "tokens", 1)
    in_between = UsageRecord.objects.filter(pk=row.pk)

    def other_worker(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "SENT" in str(params) and not taken:
            taken.append(True)
            in_between.update(claimed_until=timezone.now() + timedelta(minutes=9))
        return run(sql, params, many, context)

    taken: list[bool] = []
    with connection.execute_wrapper(other_worker):
        assert send_usage(store).trouble == ""
    assert taken
    row.refresh_from_db()
    assert row.state == "SENDING"
    pass_time()
    assert send_usage(store).sent == 1
    assert len(billed(sandbox)) == 1


def test_a_subscription_with_a_great_many_does_not_keep_others_waiting(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription], settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "CONCURRENCY": 1}
    first, *_, last = sorted(subscriptions, key=lambda one: one.pk)
    # Turns are in the order of ids, whichever was created first.
    Subscription.objects.filter(pk=last.pk).update(created_at=timezone.now() + timedelta(days=1))
    record_usages(Usage(first, "tokens", 1) for _ in range(2600))
    record_usages(Usage(last, "tokens", 1) for _ in range(100))
    send_usage(store)
    order = [subscription for subscription, _ in billed(sandbox)]
    arrived = sorted(sandbox.dump("usage"), key=lambda event: event["receivedAt"])
    assert len(order) == 2700
    assert [event["subscriptionId"] for event in arrived].index(last.pk) == 1000


def test_usage_is_sent_though_its_subscription_is_not_here(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    for one in subscriptions:
        record_usage(one, "tokens", 1)
    Subscription.objects.filter(pk=subscriptions[0].pk).delete()
    assert send_usage(store).sent == 3
    assert len(billed(sandbox)) == 3


def test_the_tasks_send_what_is_due_of_enabled_stores(
    sandbox: Sandbox, store: Store, subscription: Subscription, broker: Any
) -> None:
    assert send_due() == []
    record_usage(subscription, "tokens", 1)
    assert send_due() == [store.pk]
    message = broker()
    assert message.headers["task"] == "pandabase.send_store_usage"
    assert broker() is None
    assert send_store_usage(store.pk) == ""
    assert _states() == ["SENT"]
    assert send_due() == []
    record_usage(subscription, "tokens", 1)
    Store.objects.update(enabled=False)
    assert send_due() == []
    assert send_store_usage(store.pk) == ""
    assert _states() == ["PENDING", "SENT"]
    Store.objects.update(enabled=True)
    ApiToken.objects.update(role=ApiToken.Role.STANDBY)
    assert "no active token" in send_store_usage(store.pk)
