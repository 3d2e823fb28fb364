"""Rejected usage is corrected, dropped or sent again, and what was billed is compared."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from pandabase_django.models import ApiToken, Store, Subscription, UsageRecord
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.checks.usage import usage_is_sent
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.usage.comparison import compare_usage
from pandabase_django.services.usage.corrections import correct_usage, drop_usage, resend_usage
from pandabase_django.services.usage.retention import prune_usage
from pandabase_django.usage import Usage, UsageConflict, record_usage, record_usages, send_usage
from tests.usage.world import billed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rejected(store: Store, subscription: Subscription) -> UsageRecord:
    late = timezone.now() - timedelta(days=400)
    row = record_usage(subscription, "tokens", 5, key="late", at=late)
    assert send_usage(store).rejected == 1
    row.refresh_from_db()
    return row


def _differences(store: Store, **more: Any) -> list[tuple[str, str, int | None, int | None]]:
    now = timezone.now()
    span = {"since": now - timedelta(days=2), "until": now + timedelta(hours=1), **more}
    return [
        (one.kind, one.external_id, one.here, one.there) for one in compare_usage(store, **span)
    ]


def _run(*args: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("pandabase_usage", *args, stdout=out, stderr=out)
    except SystemExit as error:
        return int(str(error.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


@pytest.mark.fact(52)
def test_a_corrected_record_is_billed_in_the_current_period(
    sandbox: Sandbox, store: Store, rejected: UsageRecord
) -> None:
    correct_usage(rejected.pk, event="tokens", quantity=4, at=timezone.now())
    assert send_usage(store).sent == 1
    assert list(billed(sandbox).values()) == [4]
    # Its key is settled by that: the shop's task may run again.
    again = record_usage(rejected.subscription_id, "tokens", 5, key="late")
    assert (again.pk, again.quantity) == (rejected.pk, 4)
    for change in (
        lambda: correct_usage(rejected.pk, event="tokens", quantity=4, at=timezone.now()),
        lambda: drop_usage(rejected.pk, reason="x"),
    ):
        with pytest.raises(ValueError, match="not rejected any more"):
            change()
    assert resend_usage([rejected.pk]) == 0


def test_a_record_that_can_not_be_so_is_not_corrected(rejected: UsageRecord) -> None:
    with pytest.raises(ValueError, match="event"):
        correct_usage(rejected.pk, event="a b", quantity=4, at=timezone.now())
    rejected.refresh_from_db()
    assert rejected.state == "REJECTED"
    with pytest.raises(UsageConflict):
        record_usage(rejected.subscription_id, "tokens", 6, key="late")


def test_a_dropped_record_is_never_billed(
    sandbox: Sandbox, store: Store, rejected: UsageRecord
) -> None:
    drop_usage(rejected.pk, reason="a test")
    assert send_usage(store).sent == 0
    assert billed(sandbox) == {}
    rejected.refresh_from_db()
    assert (rejected.state, rejected.reason) == ("DROPPED", "a test")


def test_findings_name_what_is_rejected_and_what_waits(
    store: Store, subscription: Subscription, rejected: UsageRecord
) -> None:
    def codes() -> list[str]:
        return [finding.code for finding in usage_is_sent(Situation())]

    assert codes() == ["usage_rejected"]
    row = record_usage(subscription, "tokens", 1)
    record_usage(subscription, "tokens", 1, at=timezone.now() + timedelta(days=2))
    assert codes() == ["usage_rejected"]
    UsageRecord.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(hours=1))
    assert codes() == ["usage_rejected", "usage_waiting"]
    assert [*usage_is_sent(Situation(stores=[]))] == []


@pytest.mark.fact(52)
def test_what_was_sent_is_compared_with_what_the_remote_lists(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    one, other, _ = subscriptions
    record_usages(Usage(one if n % 2 else other, "tokens", n) for n in range(250))
    send_usage(store)
    assert _differences(store) == []
    assert _run("--compare") == (0, f"{store.pk}: EQUAL\n")
    first, second, third = UsageRecord.objects.order_by("pk")[:3]
    sandbox.change([{"op": "forget_usage", "external_id": first.external_id}])
    UsageRecord.objects.filter(pk=second.pk).update(quantity=77)
    UsageRecord.objects.filter(pk=third.pk).update(state="DROPPED")
    record_usage(one, "tokens", 9)  # waits, and is no difference
    # What was sent a moment ago may not be in the list yet.
    assert {kind for kind, *_ in _differences(store)} == {"different", "unexpected"}
    UsageRecord.objects.update(settled_at=timezone.now() - timedelta(minutes=11))
    assert sorted(_differences(store)) == sorted(
        [
            ("missing", first.external_id, first.quantity, None),
            ("different", second.external_id, 77, second.quantity),
            ("unexpected", third.external_id, None, third.quantity),
        ]
    )
    only = _differences(store, subscription_id=second.subscription_id)
    assert {kind for kind, *_ in only} == {"different"}
    code, said = _run("--compare", "--store", store.pk)
    assert code == 4
    assert "DIFFERENT (3)" in said
    assert _run("--compare", "--since", "2019-01-01", "--until", "2019-02-01")[0] == 0


def test_the_command_sends_and_says_what_is_left(
    sandbox: Sandbox, store: Store, token: ApiToken, subscription: Subscription
) -> None:
    record_usage(subscription, "tokens", 1)
    assert _run() == (0, f"{store.pk}: 1 sent, 0 rejected, 0 left.\n")
    record_usage(subscription, "unheard_of", 1)
    assert _run()[0] == 4
    assert _run("--store", "shp_nobody")[0] == 2
    assert _run("--compare", "--since", "yesterday")[0] == 2
    assert _run("--compare", "--until", "0001-01-01")[0] == 2
    assert _run("--compare", "--since", "9999-12-31")[0] == 2
    assert _run("--compare", "--since", "2026-03-02", "--until", "2026-03-01")[0] == 2
    assert _run("--compare", "--since", "2026-02-31")[0] == 2
    record_usage(subscription, "tokens", 1)
    sandbox.revoke_token(token.token_id)
    assert _run()[0] == 3


def test_a_store_that_can_not_be_asked_keeps_no_other_ones_usage(
    store: Store, subscription: Subscription
) -> None:
    Store.objects.create(pk="shp_0_without_a_token")  # the first in order
    row = record_usage(subscription, "tokens", 1)
    assert _run()[0] == 2
    row.refresh_from_db()
    assert row.state == "SENT"


def test_what_was_dropped_is_not_billed_by_its_key_once_its_time_is_over(
    sandbox: Sandbox, store: Store, rejected: UsageRecord
) -> None:
    drop_usage(rejected.pk, reason="a mistake")
    old = timezone.now() - timedelta(days=91)
    UsageRecord.objects.update(settled_at=old, recorded_at=old)
    assert prune_usage() == 0
    again = record_usage(rejected.subscription_id, "tokens", 5, key="late")
    assert (again.pk, again.state) == (rejected.pk, "DROPPED")
    assert send_usage(store).sent == 0
    assert billed(sandbox) == {}


def test_settled_records_are_deleted_when_their_time_is_over(
    store: Store, subscription: Subscription, rejected: UsageRecord, settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "USAGE_RETENTION_DAYS": 30}
    old, new = timezone.now() - timedelta(days=31), timezone.now() - timedelta(days=29)
    for state in ("SENT", "DROPPED", "PENDING"):
        for at in (old, new):
            row = record_usage(subscription, "tokens", 1)
            columns = {"state": state, "recorded_at": at}
            settled = {} if state == "PENDING" else {"settled_at": at}
            UsageRecord.objects.filter(pk=row.pk).update(**columns, **settled)
    UsageRecord.objects.filter(pk=rejected.pk).update(recorded_at=old, settled_at=old)
    assert prune_usage() == 2
    left = UsageRecord.objects.values_list("state", flat=True)
    assert sorted(left) == ["DROPPED", "PENDING", "PENDING", "REJECTED", "SENT"]
    assert prune_usage() == 0
