"""Usage is recorded in the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone as clock

from pandabase_django.models import Subscription, UsageRecord
from pandabase_django.usage import (
    Usage,
    UsageConflict,
    record_usage,
    record_usages,
    usage_flushed_before,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rollback_of_the_caller_leaves_nothing(subscription: Subscription) -> None:
    def fail() -> None:
        record_usage(subscription, "tokens", 5)
        record_usages([Usage(subscription, "tokens", 6, key="a"), Usage(subscription, "calls", 7)])
        assert UsageRecord.objects.count() == 3
        raise RuntimeError

    with pytest.raises(RuntimeError), transaction.atomic():
        fail()
    assert not UsageRecord.objects.exists()
    with transaction.atomic():
        record_usage(subscription, "tokens", 5)
    assert UsageRecord.objects.get().quantity == 5


def test_a_key_is_recorded_once_and_not_with_another_quantity(
    subscriptions: list[Subscription],
) -> None:
    one, other, _ = subscriptions
    first = record_usage(one, "tokens", 5, key="answer-1")
    assert record_usage(one.pk, "tokens", 5, key="answer-1") == first
    with transaction.atomic():  # a transaction goes on after the refusal
        with pytest.raises(UsageConflict):
            record_usage(one, "tokens", 6, key="answer-1")
        with pytest.raises(UsageConflict):
            record_usages([Usage(one, "tokens", 6, key="answer-1")])
        with pytest.raises(UsageConflict):
            record_usage(one, "tokens", 5, key="answer-1", at=clock.now() - timedelta(hours=1))
        # A meter counts an id once, whosever it is: other subscriptions and meters have others.
        record_usage(other, "tokens", 5, key="answer-1")
        record_usage(one, "calls", 5, key="answer-1")
    assert UsageRecord.objects.values("external_id").distinct().count() == 3
    assert record_usages([Usage(one, "tokens", 5, key="answer-1")] * 3) == 3
    assert UsageRecord.objects.count() == 3


def test_without_a_key_each_call_is_a_use_of_its_own(subscription: Subscription) -> None:
    assert record_usages(Usage(subscription, "tokens", n) for n in range(4500)) == 4500
    record_usage(subscription, "tokens", 1)
    record_usage(subscription, "tokens", 1)
    assert UsageRecord.objects.values("external_id").distinct().count() == 4502


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"event": ""}, ValueError),
        ({"event": "a b"}, ValueError),
        ({"event": "x" * 65}, ValueError),
        ({"event": 5}, TypeError),
        ({"quantity": -1}, ValueError),
        ({"quantity": 2**53}, ValueError),
        ({"quantity": True}, TypeError),
        ({"quantity": 1.0}, TypeError),
        ({"key": ""}, ValueError),
        ({"key": "x" * 129}, ValueError),
        ({"key": 7}, TypeError),
        ({"at": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001  what is refused
        ({"at": "2026-01-01"}, TypeError),
        ({"subscription": 5}, TypeError),
        ({"subscription": "sub_nobody"}, Subscription.DoesNotExist),
    ],
)
@pytest.mark.fact(52)
def test_what_the_remote_never_takes_is_refused(
    subscription: Subscription, change: dict[str, Any], error: type[Exception]
) -> None:
    given: Any = {"subscription": subscription, "event": "tokens", "quantity": 1, **change}
    with pytest.raises(error):
        record_usage(**given)
    with pytest.raises(error):
        record_usages([Usage(subscription, "tokens", 1), Usage(**given)])
    assert not UsageRecord.objects.exists()


def test_the_largest_quantity_and_odd_times_are_kept(subscription: Subscription) -> None:
    at = datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-5)))
    row = record_usage(subscription, "tokens", 2**53 - 1, at=at, key="ö" * 128)
    row.refresh_from_db()
    assert (row.quantity, row.key) == (2**53 - 1, "ö" * 128)
    assert row.at == at.replace(microsecond=999_000)
    assert len(row.external_id) == 64


@pytest.mark.postgres
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's plans are others")
def test_whether_all_is_flushed_reads_no_row_that_was_sent(subscription: Subscription) -> None:
    """A subscription may have a million of those."""
    record_usages(Usage(subscription, "tokens", 1) for _ in range(3000))
    UsageRecord.objects.update(state="SENT")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pandabase_usagerecord")
    unsettled = UsageRecord.objects.unsettled().filter(at__lt=clock.now())
    plan = unsettled.filter(subscription=subscription).order_by()[:1].explain()
    assert "pandabase_usage_pending" in plan


def test_what_is_flushed_before_a_moment(subscriptions: list[Subscription]) -> None:
    one, other, _ = subscriptions
    end = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    assert usage_flushed_before(end)
    row = record_usage(one, "tokens", 1, at=end - timedelta(milliseconds=1))
    record_usage(other, "tokens", 1, at=end)
    assert not usage_flushed_before(end)
    assert not usage_flushed_before(end, subscription=one)
    assert usage_flushed_before(end, subscription=other.pk)
    assert usage_flushed_before(end - timedelta(milliseconds=1))
    assert usage_flushed_before(end, store="shp_another")
    for state, flushed in (("SENDING", False), ("REJECTED", False), ("SENT", True)):
        UsageRecord.objects.filter(pk=row.pk).update(state=state)
        assert usage_flushed_before(end, store=one.store) is flushed
