"""A person whose data is in every table, and the ways in which it could come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    Customer,
    CustomerLink,
    Order,
    Purchase,
    RemoteAction,
    RemoteOutage,
    Store,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.queue import replay
from tests.brokers import broker_at
from tests.purchases.conftest import LICENCE, Shop
from tests.sync.world import sync_of
from tests.webhooks.sender import SECRET, payload_of, sign_v2

__all__ = ["ADDRESS", "MARK", "Canary"]

# Stands in everything that is the person's.
MARK = "cnry7"
ADDRESS = f"{MARK}.Person@Example.com"
RESOURCES = ("orders", "refunds", "disputes", "customers", "subscriptions", "licenses", "ledger")


@dataclass
class Canary:
    """A buyer who has left traces everywhere.

    Attributes:
        order_id: What they bought, for the shop's user.
        others: Ids of their other orders: refunded, disputed.
    """

    sandbox: Sandbox
    store: Store
    shop: Shop
    endpoint: WebhookEndpoint
    order_id: str = ""
    others: list[str] = field(default_factory=list)
    events: int = 0

    def buy(self) -> None:
        session = self.shop.open(
            [LICENCE],
            context={"seats": 5, "name": f"{MARK} Person", "deep": [{"mail": ADDRESS}]},
            return_url=f"https://shop.example/thanks?mail={ADDRESS}",
            cancel_url=f"https://shop.example/left#{MARK}",
        )
        self.order_id = self.shop.pay(session, email=ADDRESS, name=f"{MARK} Person")
        customer = self.customer_id
        more = self.sandbox.change([{"op": "create_order", "count": 2}])
        whose = {"customer": {"id": customer, "email": ADDRESS, "firstName": MARK}}
        self.others = more
        self._type_in(self.order_id)
        for pk in more:
            self.sandbox.change([{"op": "edit_order", "id": pk, "fields": whose}])
            self._type_in(pk)
        self.sandbox.change(
            [
                {"op": "refund_order", "id": more[0]},
                {"op": "dispute_order", "id": more[1]},
                {
                    "op": "edit_customer",
                    "id": customer,
                    "fields": {"firstName": MARK, "lastName": MARK.upper(), "phone": MARK},
                },
            ]
        )

    @property
    def customer_id(self) -> str:
        rows = self.sandbox.dump("orders")
        return next(r["customer"]["id"] for r in rows if r["id"] == self.order_id)

    def _type_in(self, order_id: str) -> None:
        fields = {
            "customFields": {"Your name": f"{MARK} typed"},
            "billingAddress": {
                "id": "badr_1",
                "addressLine1": f"{MARK} street 1",
                "addressLine2": f"{MARK} floor",
                "city": f"{MARK}burg",
                "state": f"{MARK}land",
                "postalCode": MARK,
                "country": "DE",
            },
            "payment.taxId": MARK,
            "brandNew": {"whatever": MARK},
        }
        self.sandbox.change([{"op": "edit_order", "id": order_id, "fields": fields}])

    def poll(self, *, full: bool = False) -> None:
        for resource in RESOURCES:
            run = sync_of(self.store, resource, full=full).run
            assert run.state == "COMPLETED", (resource, run.error, run.warnings)

    def webhook(self, order_id: str = "") -> WebhookDelivery:
        """An event with all that one may hold, and its work."""
        self.events += 1
        payload = payload_of(
            event_id=f"evt_{self.events}",
            order_id=order_id or self.order_id,
            metadata={"name": f"{MARK} Person", "mail": ADDRESS},
            customFields={"Your name": MARK},
        )
        payload["data"]["customer"] = {"id": self.customer_id, "email": ADDRESS, "name": MARK}
        url = reverse("pandabase:webhook", args=[self.endpoint.pk])
        assert sign_v2(payload).post(url).status_code == 200
        delivery = WebhookDelivery.objects.get(event_id=payload["id"])
        process_delivery(delivery.pk)
        return delivery

    def replay(self) -> None:
        """Every delivery is handled again."""
        for pk in replay(list(WebhookDelivery.objects.values_list("pk", flat=True))):
            process_delivery(pk)

    def leave_traces(self) -> None:
        """In texts and in Django's history, where nobody expects them."""
        text = f"It failed for {ADDRESS.upper()}."
        Purchase.objects.update(accepted_reason=f"{MARK} wrote to us", last_error=text)
        WebhookDelivery.objects.update(last_error=f"ValueError: {MARK}")
        SyncRun.objects.update(error=text, warnings=[text], steps=[{"name": text}])
        now = timezone.now()
        RemoteOutage.objects.create(
            host="a", since=now, last_tried_at=now, next_try_at=now, error=text
        )
        Store.objects.update(note=f"{ADDRESS} rang.")
        RemoteAction.objects.create(
            store=self.store,
            what=RemoteAction.What.values[0],
            object_id=self.order_id,
            parameters={"text": f"{MARK} logged in 14 times", "amount": 5},
            reason=f"{MARK} asked for it",
            asked_at=now,
            closed_at=now,
            state="DONE",
            outcome=text,
        )
        CustomerLink.objects.create(
            store=self.store,
            customer_id=self.customer_id,
            user=self.shop.buyer,
            reason=f"{MARK} showed a passport",
        )
        LogEntry.objects.create(
            user=self.shop.buyer,
            content_type=ContentType.objects.get_for_model(Customer),
            object_id=self.customer_id,
            object_repr=ADDRESS,
            action_flag=CHANGE,
            change_message=f"Refreshed {ADDRESS}",
        )


def dump() -> str:
    """The whole database as text."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return "\n".join(connection.connection.iterdump())
    lines = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                lines += [bytes(block).decode() for block in copy]
    return "\n".join(lines)


def hits() -> list[str]:
    """What a dump of the database still says of the person."""
    return [line[:300] for line in dump().splitlines() if MARK in line.lower()]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 10, "orders": 30}


@pytest.fixture(autouse=True)
def _broker(nothing_refused: None) -> Iterator[None]:
    with broker_at("memory://"):
        yield


@pytest.fixture
def canary(sandbox: Sandbox, store: Store) -> Canary:
    """Everything was mirrored, and one delivery was handled."""
    buyer = User.objects.create_user("buyer")
    endpoint = WebhookEndpoint.objects.create(store=store, secret=Secret(SECRET))
    person = Canary(sandbox, store, Shop(sandbox, store, buyer), endpoint)
    person.buy()
    person.poll()
    person.webhook()
    person.leave_traces()
    assert Order.objects.get(pk=person.order_id).user == buyer
    return person


@pytest.fixture
def client() -> Client:
    return Client()
