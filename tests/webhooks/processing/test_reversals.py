"""Refunds and disputes that an event reports are here before its handlers are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone

from pandabase_django.actions import submit_evidence
from pandabase_django.events import Event, on_event
from pandabase_django.models import (
    Dispute,
    Refund,
    RemoteAction,
    RowChange,
    Store,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.webhooks.process import process_delivery
from tests.conftest import store
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import change

__all__ = ["store"]

pytestmark = pytest.mark.django_db


@pytest.mark.fact(30, 47)
def test_a_handler_can_answer_a_dispute_at_once(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    @on_event("PAYMENT_DISPUTED")
    def answer(event: Event) -> None:
        dispute = Dispute.objects.get(order=event.order_id, status="AWAITING_REVIEW")
        submit_evidence(dispute, text="Downloaded on Monday.", reason="It was delivered.")

    order_id = change(sandbox, op="dispute_order", index=3)
    delivery = arrive(order_id, "PAYMENT_DISPUTED")
    assert process_delivery(delivery.pk).finished == 1
    dispute = Dispute.objects.get(order=order_id)
    assert RemoteAction.objects.get().object_id == dispute.pk
    assert RowChange.objects.get(row_id=dispute.pk).delivery_id == str(delivery.pk)


@pytest.mark.fact(28)
def test_the_end_of_a_dispute_and_a_refund_are_here_with_their_events(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="dispute_order", index=3)
    process_delivery(arrive(order_id, "PAYMENT_DISPUTED").pk)
    change(sandbox, op="resolve_dispute", id=order_id, outcome="WON")
    process_delivery(arrive(order_id, "PAYMENT_DISPUTE_WON").pk)
    assert Dispute.objects.get(order=order_id).status == "WON"
    change(sandbox, op="refund_order", id=order_id)
    process_delivery(arrive(order_id, "PAYMENT_REFUNDED").pk)
    refund = Refund.objects.get(order=order_id)
    assert (refund.status, refund.currency) == ("COMPLETED", "USD")


def test_lists_that_are_closed_to_the_token_keep_no_handler_waiting(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="dispute_order", index=3)
    rule = {"action": "status", "args": {"status": 403}, "times": 0}
    sandbox.fault([{**rule, "match": {"path_regex": "/disputes"}}])
    assert process_delivery(arrive(order_id, "PAYMENT_DISPUTED").pk).finished == 1
    assert not Dispute.objects.filter(order=order_id).exists()


def due_now(delivery: WebhookDelivery) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())


def test_an_outage_of_the_list_is_waited_for(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    seen: list[str] = []

    @on_event("PAYMENT_DISPUTED")
    def look(event: Event) -> None:
        seen.append(Dispute.objects.get(order=event.order_id).pk)

    order_id = change(sandbox, op="dispute_order", index=3)
    rule = {"action": "status", "args": {"status": 503}, "times": 1}
    sandbox.fault([{**rule, "match": {"path_regex": "/disputes"}}])
    delivery = arrive(order_id, "PAYMENT_DISPUTED")
    assert process_delivery(delivery.pk).failed == 1
    assert seen == []
    due_now(delivery)
    assert process_delivery(delivery.pk).finished == 1
    assert len(seen) == 1


@pytest.mark.django_db(transaction=True)  # PostgreSQL alters no table in the middle of one
def test_a_row_that_can_t_be_written_keeps_no_handler_waiting_for_ever(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    seen: list[str] = []

    @on_event("PAYMENT_DISPUTED")
    def look(event: Event) -> None:
        seen.append(event.order_id)

    order_id = change(sandbox, op="dispute_order", index=3)
    delivery = arrive(order_id, "PAYMENT_DISPUTED")
    with refusing_disputes():
        for finished in (0, 0, 1):
            assert process_delivery(delivery.pk).finished == finished
            due_now(delivery)
    assert seen == [order_id]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("PROCESSED", 3)


@contextmanager
def refusing_disputes() -> Iterator[None]:
    table = Dispute._meta.db_table
    if connection.vendor == "postgresql":
        begin = f"ALTER TABLE {table} ADD CONSTRAINT {table}_no CHECK (id = '') NOT VALID"
        end = f"ALTER TABLE {table} DROP CONSTRAINT {table}_no"
    else:
        body = "BEGIN SELECT RAISE(ABORT, 'no'); END"
        begin = f"CREATE TRIGGER {table}_no BEFORE INSERT ON {table} {body}"
        end = f"DROP TRIGGER {table}_no"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute(end)
