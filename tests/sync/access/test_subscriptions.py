"""Subscriptions through their whole lives, read by polls alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from pandabase_django.exceptions import DatabaseBusy
from pandabase_django.models import Order, Store, Subscription, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.compare import audit
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)


def change(sandbox: Sandbox, op: str, pk: str, **more: object) -> list[str]:
    return sandbox.change([{"op": op, "id": pk, **more}])


@pytest.mark.fact(48, 50)
def test_each_state_of_a_life_is_seen_and_decides_on_access(sandbox: Sandbox, sync: Sync) -> None:
    (pk,) = sandbox.change([{"op": "create_subscription", "trial_days": 14, "customer": 1}])

    def seen() -> tuple[str, bool]:
        assert sync("subscriptions").run.state == "COMPLETED"
        row = Subscription.objects.get(pk=pk)
        assert row.is_active() == Subscription.objects.active().filter(pk=pk).exists()
        assert audit(row.store, resource="subscriptions", full=True).differences == []
        return row.status, row.is_active()

    assert seen() == ("TRIALING", True)
    _, order = change(sandbox, "renew_subscription", pk)
    assert seen() == ("ACTIVE", True)
    sync("orders")
    row, paid = Subscription.objects.get(pk=pk), Order.objects.get(pk=order)
    assert (paid.customer_id, paid.amount_minor) == (row.customer_id, row.amount_minor)
    change(sandbox, "miss_charge", pk)
    change(sandbox, "miss_charge", pk)
    assert seen() == ("PAST_DUE", True)
    assert Subscription.objects.get(pk=pk).retry_count == 1
    change(sandbox, "renew_subscription", pk)
    change(sandbox, "pause_subscription", pk)
    assert seen() == ("PAUSED", True)
    change(sandbox, "resume_subscription", pk)
    change(sandbox, "cancel_subscription", pk)
    assert seen() == ("CANCELLED", True)
    later = Subscription.objects.get(pk=pk).ends_at + timedelta(seconds=1)
    assert not Subscription.objects.get(pk=pk).is_active(later)
    assert not Subscription.objects.active(later).filter(pk=pk).exists()
    change(sandbox, "reactivate_subscription", pk)
    assert seen() == ("ACTIVE", True)
    for _ in range(5):
        change(sandbox, "miss_charge", pk)
    assert seen() == ("CANCELLED", False)


@pytest.mark.fact(48)
def test_what_carries_no_time_of_its_change_comes_round(sandbox: Sandbox, sync: Sync) -> None:
    sync("subscriptions")
    pk = Subscription.objects.order_by("created_at")[0].pk  # the last one of the list
    fields = {"quantity": 77, "billingInterval": "DAILY"}
    change(sandbox, "edit_subscription", pk, fields=fields)
    sync("subscriptions")
    row = Subscription.objects.get(pk=pk)
    assert (row.quantity, row.billing_interval) == (77, "DAILY")


@pytest.mark.parametrize("synced_before", [True, False])
def test_a_list_that_lags_does_not_take_back_what_an_event_had_read(
    sandbox: Sandbox, sync: Sync, store: Store, *, synced_before: bool
) -> None:
    pk = sandbox.dump("subscriptions")[0]["id"]
    if synced_before:
        sync("subscriptions")
    sandbox.set(list_lag_seconds=60.0, lag_share=1.0)
    change(sandbox, "edit_subscription", pk, fields={"quantity": 77})
    fetch_subscription(store, pk)
    assert sync("subscriptions").run.state == "COMPLETED"
    row = Subscription.objects.get(pk=pk)
    assert row.quantity == 77
    sandbox.set(list_lag_seconds=0.0)
    change(sandbox, "edit_subscription", pk, fields={"quantity": 78})
    sync("subscriptions")
    row.refresh_from_db()
    assert row.quantity == 78
    # Of ten minutes ago: no list is that late, and the row is what is wrong.
    Subscription.objects.filter(pk=pk).update(
        quantity=1, digest="other", synced_at=timezone.now() - timedelta(minutes=10)
    )
    sync("subscriptions")
    row.refresh_from_db()
    assert row.quantity == 78


def test_a_list_that_lags_through_several_runs_gives_no_access_back(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    pk = next(one["id"] for one in sandbox.dump("subscriptions") if one["status"] == "ACTIVE")
    sync("subscriptions")
    sandbox.set(list_lag_seconds=60.0, lag_share=1.0)
    change(sandbox, "cancel_subscription", pk, immediate=True)
    fetch_subscription(store, pk)
    for _ in range(3):
        assert sync("subscriptions").run.state == "COMPLETED"
        row = Subscription.objects.get(pk=pk)
        assert (row.status, row.is_active()) == ("CANCELLED", False)
    sandbox.set(list_lag_seconds=0.0)
    change(sandbox, "edit_subscription", pk, fields={"quantity": 2})
    sync("subscriptions")
    since = sandbox.requests_served
    run = sync("subscriptions").run
    assert sum(step["requests"] for step in run.steps) == sandbox.requests_served - since < 10
    assert Subscription.objects.get(pk=pk).quantity == 2


def test_what_an_event_reads_between_two_lists_of_a_run_is_not_taken_back(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("subscriptions")
    (pk,) = sandbox.change([{"op": "create_subscription", "customer": 1}])
    change(sandbox, "edit_subscription", pk, fields={"quantity": 2})
    events: list[str] = []

    def cancel(_: SyncRun) -> None:
        """As soon as the run has written the row."""
        if not events and Subscription.objects.filter(pk=pk).exists():
            events.append("SUBSCRIPTION_CANCELLED")
            sandbox.set(list_lag_seconds=60.0, lag_share=1.0)
            change(sandbox, "cancel_subscription", pk, immediate=True)
            fetch_subscription(store, pk)

    sync("subscriptions", on_progress=cancel)
    assert events
    row = Subscription.objects.get(pk=pk)
    assert (row.status, row.is_active()) == ("CANCELLED", False)


def test_an_unknown_status_is_kept_and_gives_no_access(sandbox: Sandbox, sync: Sync) -> None:
    pk = sandbox.dump("subscriptions")[0]["id"]
    change(sandbox, "edit_subscription", pk, fields={"status": "FROZEN"})
    sync("subscriptions")
    row = Subscription.objects.get(pk=pk)
    assert (row.status, row.is_active()) == ("FROZEN", False)
    assert row not in Subscription.objects.active()


@pytest.mark.fact(50)
def test_a_plan_changes_now_or_with_the_next_renewal(sandbox: Sandbox, sync: Sync) -> None:
    (pk,) = sandbox.change([{"op": "create_subscription", "product": 1}])
    before = {one["id"]: one for one in sandbox.dump("subscriptions")}[pk]
    change(sandbox, "change_subscription", pk, plan={"quantity": 3})
    sync("subscriptions")
    assert Subscription.objects.get(pk=pk).amount_minor == before["amount"] * 3
    later = {"quantity": 5, "proration_behavior": "END_OF_PERIOD"}
    change(sandbox, "change_subscription", pk, plan=later)
    sync("subscriptions")
    assert Subscription.objects.get(pk=pk).quantity == 3
    change(sandbox, "renew_subscription", pk)
    sync("subscriptions")
    row = Subscription.objects.get(pk=pk)
    assert (row.quantity, row.amount_minor) == (5, before["amount"] * 5)
    assert row.current_period_start.timestamp() * 1000 == parse_ms(before["currentPeriodEnd"])
    assert row.current_period_start > timezone.now()


def test_a_row_that_is_dated_by_a_clock_ahead_is_not_asked_for_without_end(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("subscriptions")
    row = Subscription.objects.order_by("pk")[0]
    Subscription.objects.filter(pk=row.pk).update(synced_at=timezone.now() + timedelta(minutes=5))
    since = sandbox.requests_served
    with pytest.raises(DatabaseBusy) as error:
        fetch_subscription(store, row.pk)
    assert error.value.retryable
    assert sandbox.requests_served - since <= 5


def test_a_list_that_is_not_newest_first_is_compared_as_a_whole(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.set(page_cap=10)
    sandbox.change([{"op": "create_subscription", "customer": 1}] * 100)
    shown = sorted(sandbox.dump("subscriptions"), key=lambda one: one["createdAt"], reverse=True)
    for place, one in enumerate(shown):
        at = timezone.now() - timedelta(days=300 - place)
        change(sandbox, "edit_subscription", one["id"], fields={"createdAt": at.isoformat()})
        if place % 5 < 3:
            change(sandbox, "cancel_subscription", one["id"], immediate=True)
    sync("subscriptions")
    active = list(Subscription.objects.filter(status="ACTIVE").order_by("created_at"))
    pk = active[len(active) // 2].pk
    change(sandbox, "cancel_subscription", pk, immediate=True)
    run = sync("subscriptions").run
    assert Subscription.objects.get(pk=pk).status == "CANCELLED"
    by_status = [s["requests"] for s in run.steps if "status ACTIVE" in s["strategy"]]
    assert sum(by_status) <= len(active) // 10 + 2
