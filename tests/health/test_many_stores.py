"""Hundreds of stores, all of them in trouble: the check stays quick."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store, SyncCursor, SyncRun, WebhookEndpoint
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db

RESOURCES = ("products", "orders", "customers", "ledger")
MOST_SECONDS = 2.0


def stores_in_trouble(first: int, end: int) -> None:
    """Refused tokens, failed and stale syncs, endpoints without a secret."""
    names = [f"shp_{number}" for number in range(first, end)]
    then = timezone.now() - timedelta(days=3)
    Store.objects.bulk_create(Store(pk=name, title=f"Shop of {name}") for name in names)
    tokens = [
        ApiToken(
            store_id=name,
            name="Main",
            mode="BEARER",
            base_url="https://api.pandabase.io",
            secret=Secret("sk_test_of_many_stores_0001"),
            role="ACTIVE",
            health="SUSPECT",
            health_reason="HTTP 401",
        )
        for name in names
    ]
    ApiToken.objects.bulk_create(tokens)
    pairs = [(name, resource) for name in names for resource in RESOURCES]
    SyncCursor.objects.bulk_create(
        SyncCursor(store_id=n, resource=r, first_completed_at=then, last_completed_at=then)
        for n, r in pairs
    )
    times = {"started_at": then, "heartbeat_at": then}
    SyncRun.objects.bulk_create(
        SyncRun(store_id=n, resource=r, state=state, trigger="SCHEDULE", error="no route", **times)
        for n, r in pairs
        for state in ("COMPLETED", "FAILED")
    )
    WebhookEndpoint.objects.bulk_create(WebhookEndpoint(store_id=name) for name in names)


def checked() -> tuple[list[dict[str, str]], int, float]:
    """What was found, with the number of queries and the seconds of this process."""
    out = StringIO()
    with broker_at("memory://"), CaptureQueriesContext(connection) as asked:
        began = time.process_time()
        with pytest.raises(CommandError):
            call_command("pandabase_check", format="json", stdout=out)
        seconds = time.process_time() - began
    return json.loads(out.getvalue())["attention"], len(asked), seconds


def test_five_hundred_stores_cost_the_queries_of_one_and_two_seconds() -> None:
    stores_in_trouble(0, 1)
    few, queries, _ = checked()
    stores_in_trouble(1, 500)
    many, same, seconds = checked()
    each = Counter(finding["code"] for finding in few if finding["store"])
    all_of_them = Counter(finding["code"] for finding in many if finding["store"])
    assert all_of_them == {code: 500 * number for code, number in each.items()}
    assert set(each) == {"token_suspect", "run_failed", "webhook_no_secret"}
    assert same == queries
    assert seconds < MOST_SECONDS


def test_a_store_in_trouble_says_what_followed_from_its_token_and_no_others() -> None:
    stores_in_trouble(0, 2)
    SyncRun.objects.filter(store="shp_1", state="FAILED").update(error="Refused (HTTP 401).")
    SyncCursor.objects.filter(store="shp_0").update(last_completed_at=timezone.now())
    said = {f["store"]: f["sentence"] for f in checked()[0] if f["code"] == "token_suspect"}
    assert "these syncs failed" not in said["shp_0"]
    assert "Out of date" not in said["shp_0"]
    names = "Customers, Ledger, Orders and Products"
    assert f"Because of that these syncs failed: {names}." in said["shp_1"]
    assert f"Out of date: {names}." in said["shp_1"]
