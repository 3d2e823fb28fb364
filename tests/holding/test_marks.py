"""A store says whether it takes real money, wherever it is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    CheckoutSession,
    Dispute,
    Order,
    Purchase,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    UsageRecord,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.rotation.context import RotationContext
from pandabase_django.services.rotation.transitions import announce
from pandabase_django.services.tokens.addresses import mark_of
from pandabase_django.services.tokens.connection import add_token

pytestmark = pytest.mark.django_db

LIVE, TEST = "https://api.pandabase.io", "https://api.sandbox.pandabase.io"


def add(base_url: str, *, number: int = 1) -> ApiToken:
    return add_token(
        store_id="shp_1",
        mode="HMAC",
        token_id=f"stk_{number}",
        secret=Secret(f"sk_{number}"),
        base_url=base_url,
        test=False,
    )


@pytest.mark.fact(44)
@pytest.mark.parametrize(
    ("base_url", "mark"),
    [
        (LIVE, "LIVE"),
        (TEST, "TEST"),
        ("http://127.0.0.1:8765", "TEST"),
        ("http://localhost:8765", "TEST"),
        ("https://proxy.example.com", ""),
        # Neither begins nor ends count: it is another host.
        ("https://api.pandabase.io.example.com", ""),
    ],
)
def test_the_address_of_the_first_token_marks_a_store(base_url: str, mark: str) -> None:
    assert mark_of(base_url) == mark
    assert add(base_url).store.mark == mark


@pytest.mark.parametrize(("first", "second"), [(LIVE, TEST), (TEST, LIVE)])
def test_an_address_of_the_other_kind_is_taken_for_a_mistake(first: str, second: str) -> None:
    add(first)
    with pytest.raises(ValueError, match="change the mark on the store's page first"):
        add(second, number=2)
    Store.objects.update(mark="")
    add(second, number=2)


def test_a_person_may_mark_a_store_at_the_live_address_as_a_test() -> None:
    store = add(LIVE).store
    assert str(store) == "shp_1"
    Store.objects.update(mark="TEST")
    assert add(LIVE, number=2).store.mark == "TEST"
    store.refresh_from_db()
    assert str(store) == "shp_1 (test)"


def test_pages_and_commands_show_it(client: Client, capsys: Any) -> None:
    token = add(TEST)
    Store.objects.update(title="Books")
    client.force_login(User.objects.create_superuser("root"))
    for name, *args in (
        ("pandabase_overview",),
        ("pandabase_store_changelist",),
        ("pandabase_store_change", token.store_id),
        ("pandabase_apitoken_change", token.pk),
        ("pandabase_apitoken_changelist",),
    ):
        page = client.get(reverse(f"admin:{name}", args=args)).content.decode()
        assert "Books (test)" in page, name
    ApiToken.objects.update(environment="elsewhere")  # so that nothing is asked
    with pytest.raises(CommandError, match="of another environment"):
        call_command("pandabase_test_connection")
    assert "HMAC token · Books (test):" in capsys.readouterr().out


def test_no_finding_names_a_store_by_its_id_alone() -> None:
    token, now = add(TEST), timezone.now()
    Store.objects.update(title="Books")
    store = Store.objects.get()
    ApiToken.objects.update(health="SUSPECT", health_reason="HTTP 401")
    seen: dict[str, Any] = {"first_seen_at": now, "synced_at": now}
    endpoint = WebhookEndpoint.objects.create(store=store)  # without a label or a secret
    WebhookDelivery.objects.create(
        endpoint=endpoint, event_id="evt_1", state="DEAD", received_at=now, payload={}
    )
    order = Order.objects.create(pk="ord_1", store=store, status="COMPLETED", **seen)
    Dispute.objects.create(
        pk="dsp_1", store=store, order=order, status="AWAITING_REVIEW", created_at=now, **seen
    )
    session = CheckoutSession.objects.create(store=store, currency="USD", items=[])
    Purchase.objects.create(
        store=store, session=session, order=order, verdict="MISMATCH", state="DEAD", seen_at=now
    )
    UsageRecord.objects.create(
        store=store, subscription_id="sub_1", quantity=1, at=now, recorded_at=now, state="REJECTED"
    )
    RotationAttempt.objects.create(
        token=token, state="LOST", trigger="ADMIN", from_version=1, prepared_at=now
    )
    run = {"state": "FAILED", "trigger": "SCHEDULE", "started_at": now, "heartbeat_at": now}
    SyncCursor.objects.create(store=store, resource="orders")
    SyncRun.objects.create(store=store, resource="orders", error="Away.", **run)
    with CaptureQueriesContext(connection) as captured:
        found = {one.code: one.sentence for one in attention(Situation()) if one.store_id}
    assert found.keys() >= {
        "dispute_evidence_due",
        "purchase_dead",
        "purchase_mismatch",
        "rotation_lost",
        "run_failed",
        "usage_rejected",
        "webhook_dead_letters",
        "webhook_no_secret",
    }
    assert {code for code, sentence in found.items() if "Books (test)" not in sentence} == set()
    assert not [one for one in captured if 'FROM "pandabase_store" WHERE' in one["sql"]]


def test_log_lines_keep_the_id(caplog: pytest.LogCaptureFixture) -> None:
    add(TEST)
    Store.objects.update(title="Books")
    token, ended = ApiToken.objects.get(), timezone.now()
    made = {"trigger": "ADMIN", "from_version": 1, "prepared_at": ended, "closed_at": ended}
    for state in ("LOST", "DONE"):
        attempt = RotationAttempt.objects.create(token=token, state=state, **made)
        with caplog.at_level("INFO"):
            announce(attempt, context=RotationContext())
    assert [record.getMessage().partition(" of ")[2] for record in caplog.records] == [
        "HMAC token (shp_1): LOST. ",
        "HMAC token (shp_1): DONE",
    ]


def test_a_person_sets_it_on_the_stores_page(client: Client) -> None:
    store = add("https://proxy.example.com").store
    client.force_login(User.objects.create_superuser("root"))
    address = reverse("admin:pandabase_store_change", args=[store.pk])
    client.post(address, {"enabled": "on", "mark": "LIVE", "note": ""})
    store.refresh_from_db()
    assert store.mark == "LIVE"
