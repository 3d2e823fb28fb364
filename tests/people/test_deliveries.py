"""Events that name no person: what was typed goes as soon as it is known whose order it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from pandabase_django import signals
from pandabase_django.database import transaction
from pandabase_django.models import Customer, ErasedHash, Erasure, Order, Store, WebhookDelivery
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.erasures.scrubber import may_write, scrubber_of
from pandabase_django.services.people.erasing import erase_person, lift_erasure
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.webhooks.process import process_delivery
from tests.people.conftest import ADDRESS, MARK, Canary, hits
from tests.webhooks.sender import payload_of, sign_v2

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

TYPED = {"metadata": {"name": f"{MARK} Person"}, "customFields": {"Your name": MARK}}


@pytest.fixture
def erased(canary: Canary) -> Canary:
    erase(canary.store)
    assert hits() == []
    return canary


def erase(store: Store) -> Erasure:
    return erase_person(store, ADDRESS, source=Erasure.Source.COMMAND)


def guest_order(sandbox: Sandbox, address: str = ADDRESS) -> str:
    """A new order of a guest, who is no customer."""
    (pk,) = sandbox.change([{"op": "create_order"}])
    fields = {"customer": {"email": address}, "customFields": {"name": MARK}}
    sandbox.change([{"op": "edit_order", "id": pk, "fields": fields}])
    return str(pk)


def arrive(canary: Canary, event: str = "PAYMENT_COMPLETED", **said: Any) -> WebhookDelivery:
    """It is stored, and not worked off yet."""
    canary.events += 1
    payload = payload_of(event, event_id=f"evt_{canary.events}", **said)
    url = reverse("pandabase:webhook", args=[canary.endpoint.pk])
    assert sign_v2(payload).post(url).status_code == 200
    return WebhookDelivery.objects.get(event_id=payload["id"])


def test_a_later_order_of_a_guest_shows_whose_it_is(erased: Canary, sandbox: Sandbox) -> None:
    delivery = arrive(erased, order_id=guest_order(sandbox), **TYPED)
    assert len(hits()) == 1  # nobody can know yet
    process_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == WebhookDelivery.State.PROCESSED
    assert delivery.payload["data"]["order"]["amount"] == 1999
    assert hits() == []


def test_receivers_are_not_told_either(erased: Canary, sandbox: Sandbox) -> None:
    told: list[str] = []

    def receiver(event: Any, **_: Any) -> None:
        told.append(str(event.payload))

    signals.webhook_received.connect(receiver)
    try:
        process_delivery(arrive(erased, order_id=guest_order(sandbox), **TYPED).pk)
    finally:
        signals.webhook_received.disconnect(receiver)
    assert len(told) == 1
    assert MARK not in told[0]


@pytest.mark.parametrize("state", ["PENDING", "DEAD", "IGNORED"])
def test_a_sync_that_reads_the_order_first_is_enough(
    erased: Canary, sandbox: Sandbox, state: str
) -> None:
    delivery = arrive(erased, order_id=guest_order(sandbox), **TYPED)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=state, last_error=f"KeyError: {MARK}"
    )
    erased.poll()
    assert hits() == []


def test_the_next_event_of_the_order_is_known_when_it_comes(
    erased: Canary, sandbox: Sandbox
) -> None:
    pk = guest_order(sandbox)
    erased.poll()
    arrive(erased, order_id=pk, **TYPED)
    assert hits() == []


@pytest.mark.parametrize("first", ["webhook", "sync"])
@pytest.mark.parametrize("shown", ["address", "customer"])
def test_a_later_subscription_shows_whose_it_is(
    erased: Canary, sandbox: Sandbox, first: str, shown: str
) -> None:
    who = {"id": "cus_new", "email": ADDRESS}
    (pk,) = sandbox.change([{"op": "create_order"}])
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"customer": who}}])
    (pk, *_) = sandbox.change([{"op": "create_subscription", "product": 0, "customer": 1}])
    if shown == "customer":
        erased.poll()  # its order says whose it is
        del who["email"]
    sandbox.change([{"op": "edit_subscription", "id": pk, "fields": {"customer": who}}])
    said = {"order_id": "", "id": pk, "metadata": {"name": MARK}}
    delivery = arrive(erased, "SUBSCRIPTION_RENEWED", **said)
    assert len(hits()) == 1
    if first == "webhook":
        process_delivery(delivery.pk)
    else:
        WebhookDelivery.objects.filter(pk=delivery.pk).update(state="DEAD")
        erased.poll()
    assert hits() == []


def test_a_customer_who_takes_an_erased_address_keeps_what_is_here(
    erased: Canary, sandbox: Sandbox
) -> None:
    """Else an audit would find rows that differ, though none was asked to be erased."""
    other = Customer.objects.exclude(pk=erased.customer_id).exclude(email="").earliest("pk")
    (pk,) = sandbox.change([{"op": "create_order"}])
    fields = {"customer": {"id": other.pk, "email": ADDRESS}}
    sandbox.change([{"op": "edit_order", "id": pk, "fields": fields}])
    erased.poll()
    assert hits() == []
    assert audit(erased.store, resource="orders", full=True).state == "EQUAL"


def test_what_others_typed_stays(erased: Canary, sandbox: Sandbox) -> None:
    delivery = arrive(erased, order_id=guest_order(sandbox, "bo@example.com"), **TYPED)
    process_delivery(delivery.pk)
    erased.poll()
    delivery.refresh_from_db()
    assert delivery.payload["data"]["order"]["metadata"] == TYPED["metadata"]


def test_a_run_does_not_end_since_another_one_has_seen_a_later_order(
    erased: Canary, sandbox: Sandbox
) -> None:
    before = scrubber_of(erased.store.pk)
    guest_order(sandbox)
    erased.poll()
    assert ErasedHash.objects.filter(learned=True).exists()
    with transaction.atomic():
        assert may_write(erased.store.pk, before)


def test_a_lifted_erasure_forgets_what_was_seen_later(erased: Canary, sandbox: Sandbox) -> None:
    pk = guest_order(sandbox)
    erased.poll()
    assert erase(erased.store).counts == {}
    assert lift_erasure(erased.store, ADDRESS)
    assert not ErasedHash.objects.exists()
    erased.poll(full=True)
    assert Order.objects.get(pk=pk).payload["customer"]["email"] == ADDRESS
    assert Customer.objects.get(pk=erased.customer_id).email == ADDRESS


def test_what_was_seen_before_the_lift_is_not_kept_after_it(
    erased: Canary, sandbox: Sandbox
) -> None:
    scrubber = scrubber_of(erased.store.pk)
    scrubber({"id": "ord_new", "customer": {"email": ADDRESS}})
    lift_erasure(erased.store, ADDRESS)
    with transaction.atomic():
        scrubber.keep_seen()
    assert not ErasedHash.objects.exists()
