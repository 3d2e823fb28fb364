"""What a handler says of an erased person is kept nowhere, however often it is called again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.crypto import keyring
from pandabase_django.events import on_event, on_paid
from pandabase_django.models import Erasure, Purchase, WebhookDelivery
from pandabase_django.services.attempts.schedule import MAX_ATTEMPTS, Trouble
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.purchases.handing import process_purchase
from pandabase_django.services.webhooks.process import process_delivery
from tests.handlers import no_handlers
from tests.people.conftest import ADDRESS, MARK, Canary, hits

pytestmark = pytest.mark.django_db(transaction=True)

OF_ANOTHER = [("id", "ord_another")]


@pytest.fixture(autouse=True)
def _no_handlers() -> Iterator[None]:
    with no_handlers():
        yield


@pytest.fixture
def erased(canary: Canary) -> Canary:
    erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)
    assert hits() == []
    return canary


def test_a_purchase_that_is_tried_again(erased: Canary, caplog: Any) -> None:
    @on_paid("licence")
    def mail(purchase: Purchase) -> None:
        raise ValueError(f"{MARK} was refused")

    due = {"next_attempt_at": timezone.now(), "attempts": MAX_ATTEMPTS - 1}
    Purchase.objects.update(state="PENDING", last_fact="", **due)
    assert process_purchase(Purchase.objects.get().pk).dead == 1
    assert Purchase.objects.get().last_error.endswith("mail ([erased])")
    assert hits() == []
    (logged,) = [line for line in caplog.messages if "is given up: Raised: " in line]
    assert MARK not in logged


def test_a_delivery_that_is_replayed(erased: Canary, caplog: Any) -> None:
    @on_event("PAYMENT_COMPLETED")
    def mail(event: Any) -> None:
        raise ValueError(f"{MARK} was refused")

    due = {"state": "PENDING", "next_attempt_at": timezone.now()}
    WebhookDelivery.objects.update(attempts=MAX_ATTEMPTS - 1, **due)
    assert process_delivery(WebhookDelivery.objects.get().pk).dead == 1
    assert WebhookDelivery.objects.get().last_error.endswith("mail ([erased])")
    assert hits() == []
    (logged,) = [line for line in caplog.messages if "is a dead letter: Raised: " in line]
    assert MARK not in logged


def test_of_others_it_keeps_all_but_the_erased_address(erased: Canary) -> None:
    said = f"ValueError: No mail:{ADDRESS.upper()}, bo@example.com"
    trouble = Trouble("Raised: ", [("shop.mail", said), ("shop.keys", "LookupError")])
    assert trouble.kept(erased.store.pk, OF_ANOTHER) == (
        "Raised: shop.mail (ValueError: No mail:[erased], bo@example.com), shop.keys (LookupError)"
    )


def test_without_the_key_it_keeps_what_is_of_nobody(erased: Canary, settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [keyring.generate_key()]}
    trouble = Trouble("No bo@example.com (HTTP 401) ", [("shop.mail", f"No {MARK}")])
    kept = trouble.kept(erased.store.pk, OF_ANOTHER)
    assert kept == "No [erased] (HTTP 401) shop.mail ([erased])"
