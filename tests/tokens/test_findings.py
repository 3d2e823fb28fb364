"""A dead token is one finding, which names what follows from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    RotationAttempt,
    SyncCursor,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.checklist import setup
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import retire_token
from tests.connecting import connect

pytestmark = pytest.mark.django_db


def findings() -> list[Finding]:
    return [f for f in attention(Situation()) if not f.code.startswith("pandabase.")]


def sync_all(token: ApiToken) -> None:
    for resource in ("products", "orders"):
        sync_resource(token.store, resource=resource, trigger=SyncRun.Trigger.SCHEDULE)


@pytest.mark.parametrize("how", ["revoked", "disabled"])
def test_a_dead_token_is_one_finding(token: ApiToken, sandbox: Sandbox, how: str) -> None:
    sync_all(token)
    assert findings() == []
    if how == "revoked":
        sandbox.revoke_token(token.token_id)
    else:
        retire_token(token)
    sync_all(token)
    steps = {step.code: step.level for step in setup(Situation(broker=lambda: ""))}
    assert steps["token"] is (Level.NOTE if how == "revoked" else Level.WARNING)
    SyncCursor.objects.update(last_completed_at=timezone.now() - timedelta(hours=5))
    (finding,) = findings()
    assert finding.code == {"revoked": "token_suspect", "disabled": "no_active_token"}[how]
    assert ". Because of that these syncs failed: Orders and Products" in finding.sentence
    assert "Out of date: Orders and Products" in finding.sentence
    assert finding.store_id == token.store_id
    with translation.override("de"):
        (finding,) = findings()
    assert "fehlgeschlagen: Bestellungen und Produkte. Nicht mehr aktuell: Best" in finding.sentence


def test_what_has_another_cause_is_told_beside_it(token: ApiToken, sandbox: Sandbox) -> None:
    sync_all(token)
    sandbox.revoke_token(token.token_id)
    sync_all(token)
    SyncRun.objects.create(
        store=token.store,
        resource="orders",
        trigger="SCHEDULE",
        state="FAILED",
        error="No connection could be made.",
        started_at=timezone.now(),
        heartbeat_at=timezone.now(),
    )
    assert [finding.code for finding in findings()] == ["token_suspect", "run_failed"]


def test_the_dead_token_of_one_store_hides_nothing_of_another(
    token: ApiToken, sandbox: Sandbox
) -> None:
    sandbox.revoke_token(token.token_id)
    sync_all(token)
    with Sandbox(seed=11, products=3, orders=3) as remote:
        other = connect(remote)
        rule = {"match": {"method": "GET"}, "times": 0, "action": "status"}
        remote.fault([{**rule, "args": {"status": 401}}])
        sync_resource(other.store, resource="orders", trigger=SyncRun.Trigger.SCHEDULE)
        ApiToken.objects.filter(pk=other.pk).update(health="OK")
    codes = [(finding.code, finding.store_id) for finding in findings()]
    assert sorted(codes) == sorted(
        [("token_suspect", token.store_id), ("run_failed", other.store_id)]
    )


@pytest.mark.parametrize(("error", "told"), [("no (HTTP 401, request r)", 0), ("Raised: f", 1)])
def test_deliveries_that_fail_for_it_are_told_of_the_token(
    token: ApiToken, error: str, told: int
) -> None:
    endpoint = WebhookEndpoint.objects.create(store=token.store, secret=Secret("x" * 32))
    WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_id="evt_1",
        event="PAYMENT_COMPLETED",
        received_at=timezone.now(),
        attempts=3,
        last_error=error,
        next_attempt_at=timezone.now() + timedelta(minutes=5),
    )
    assert [finding.code for finding in findings()] == ["webhook_failing"]
    ApiToken.objects.update(health="SUSPECT", health_reason="no")
    codes = [finding.code for finding in findings()]
    assert codes == ["token_suspect", *["webhook_failing"] * told]


@pytest.mark.parametrize("state", ["LOST", "HELD"])
def test_a_token_whose_rotation_asks_for_a_person_is_told_by_that(
    token: ApiToken, state: str
) -> None:
    ApiToken.objects.update(health="SUSPECT", health_reason="lost")
    now = timezone.now()
    RotationAttempt.objects.create(
        token=token,
        state=state,
        trigger="ADMIN",
        reason="x",
        from_version=1,
        prepared_at=now,
        sent_at=now,
    )
    assert [finding.code for finding in findings()] == [f"rotation_{state.lower()}"]
