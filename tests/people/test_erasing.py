"""An erased person is in no table, comes back by nothing, and takes no sum and no access away."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Sum

from pandabase_django.crypto import keyring
from pandabase_django.crypto.reseal import reseal
from pandabase_django.models import (
    Customer,
    ErasedHash,
    Erasure,
    License,
    Order,
    Purchase,
    Refund,
    Store,
    Subscription,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.people.erasing import erase_person, lift_erasure
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.sync.compare import audit
from pandabase_django.services.sync.run.recorder import Recorder
from tests.people.conftest import ADDRESS, MARK, RESOURCES, Canary, hits
from tests.sync.world import sync_of

pytestmark = pytest.mark.django_db(transaction=True)


def erase(store: Store, address: str = ADDRESS) -> Erasure:
    return erase_person(store, address, source=Erasure.Source.COMMAND)


def states_of_audits(store: Store) -> dict[str, str]:
    found = {name: audit(store, resource=name, full=True) for name in RESOURCES}
    return {
        name: f"{a.state} {[(d.id, d.why) for d in a.differences]} {a.error or ''}".strip()
        for name, a in found.items()
        if a.state != "EQUAL"
    }


def money() -> list[Any]:
    return [
        Order.objects.aggregate(Sum("amount_minor"), Sum("total_minor"), Sum("settled_minor")),
        Refund.objects.aggregate(Sum("amount_minor")),
        Customer.objects.aggregate(Sum("total_spent_minor"), Sum("order_count")),
    ]


ALONE = [
    pytest.param(way, marks=pytest.mark.thorough)
    for way in ("nothing", "poll", "full", "webhook", "replay")
]


@pytest.mark.parametrize("way", [*ALONE, "all"])
def test_nothing_of_the_person_is_left_or_comes_back(canary: Canary, way: str) -> None:
    assert len(hits()) > 10  # else this test shows nothing
    before = money()
    erasure = erase(canary.store)
    assert erasure.finished_at is not None
    assert hits() == []
    if way in ("poll", "all"):
        canary.poll()
        canary.poll()
    if way in ("full", "all"):
        canary.poll(full=True)
    if way in ("webhook", "all"):
        for pk in (canary.order_id, *canary.others):
            canary.webhook(pk)
    if way in ("replay", "all"):
        canary.replay()
    assert hits() == []
    assert money() == before


def test_audits_say_equal_after_an_erasure_at_once_and_after_a_poll(canary: Canary) -> None:
    assert states_of_audits(canary.store) == {}
    erase(canary.store)
    assert states_of_audits(canary.store) == {}
    canary.poll()
    assert states_of_audits(canary.store) == {}
    # What a poll shows has settled: the next one writes nothing.
    canary.poll()
    run = sync_of(canary.store, "orders").run
    assert (run.rows_created, run.rows_updated) == (0, 0)


def test_access_that_was_bought_stays_with_the_user(canary: Canary) -> None:
    licences = License.objects.filter(order=canary.order_id).count()
    erase(canary.store)
    canary.poll()
    order = Order.objects.get(pk=canary.order_id)
    assert order.user == canary.shop.buyer
    assert Order.objects.paid().for_user(canary.shop.buyer).get() == order
    assert order.session.context == {"seats": 5, "name": "[erased]", "deep": [{"mail": "[erased]"}]}
    assert order.session.return_url == "https://shop.example/thanks"
    assert License.objects.filter(order=canary.order_id).count() == licences
    assert Customer.objects.get(pk=canary.customer_id).email == ""
    assert order.metadata.keys() == {"pandabase_django"}


def test_a_new_order_of_an_erased_person_is_paid_and_shows_nothing(canary: Canary) -> None:
    erase(canary.store)
    session = canary.shop.open([LICENCE_AGAIN])
    order_id = canary.shop.pay(session, email=ADDRESS, name=f"{MARK} again")
    canary.webhook(order_id)
    canary.poll()
    assert hits() == []
    assert Order.objects.get(pk=order_id).user == canary.shop.buyer


LICENCE_AGAIN = {"name": "Licence", "amount": 5900, "quantity": 1}


def test_an_event_that_names_the_order_alone_is_known(canary: Canary, sandbox: Sandbox) -> None:
    erase(canary.store)
    delivery = canary.webhook(canary.others[0])
    delivery.refresh_from_db()
    assert "email" not in str(delivery.payload.get("data", {}).get("order"))
    assert delivery.state == WebhookDelivery.State.PROCESSED
    assert hits() == []


def test_others_are_left_alone(canary: Canary, store: Store) -> None:
    other = Customer.objects.exclude(pk=canary.customer_id).exclude(email="").earliest("pk")
    columns = [field.attname for field in Order._meta.concrete_fields]
    others = Order.objects.exclude(customer=canary.customer_id).order_by("pk")
    before = list(others.values(*columns))
    erase(store)
    canary.poll()
    assert Customer.objects.get(pk=other.pk).email == other.email
    ignored = {"detailed_at"}
    assert [{k: v for k, v in row.items() if k not in ignored} for row in before] == [
        {k: v for k, v in row.items() if k not in ignored} for row in others.values(*columns)
    ]


@pytest.mark.parametrize(
    "address",
    [ADDRESS.lower(), ADDRESS.upper(), f"  {ADDRESS} ", ADDRESS.replace("Example", "EXAMPLE")],
)
def test_case_and_white_space_make_no_other_person(canary: Canary, address: str) -> None:
    erase(canary.store, address)
    canary.poll()
    assert hits() == []


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS.replace("@", "+shop@"),
        ADDRESS.replace(".Person", "Person"),
        ADDRESS.replace("Example.com", "example.org"),
        ADDRESS.replace("c", "с", 1),  # noqa: RUF001  a Cyrillic letter that looks alike
    ],
)
def test_a_similar_address_is_another_person(canary: Canary, address: str) -> None:
    before = len(hits())
    erasure = erase(canary.store, address)
    assert erasure.counts == {}
    assert len(hits()) == before


def test_a_guests_order_without_a_customer_is_found(canary: Canary, sandbox: Sandbox) -> None:
    (pk,) = sandbox.change([{"op": "create_order"}])
    fields = {"customer": {"email": ADDRESS}, "customFields": {"name": MARK}}
    sandbox.change([{"op": "edit_order", "id": pk, "fields": fields}])
    canary.poll()
    assert Order.objects.get(pk=pk).customer_id is None
    erase(canary.store)
    assert hits() == []
    canary.poll(full=True)
    assert hits() == []


def test_one_address_with_several_customers_and_a_changed_one(
    canary: Canary, sandbox: Sandbox
) -> None:
    new = sandbox.change([{"op": "create_order", "count": 2}])
    second = {"customer": {"id": "cus_second", "email": ADDRESS.lower()}}
    sandbox.change([{"op": "edit_order", "id": new[0], "fields": second}])
    # The same customer, with a newer address: one person, known by the older order.
    moved = {"customer": {"id": "cus_second", "email": f"{MARK}.new@example.net"}}
    sandbox.change([{"op": "edit_order", "id": new[1], "fields": moved}])
    canary.poll()
    assert Customer.objects.get(pk="cus_second").email != ADDRESS
    erase(canary.store)
    canary.poll(full=True)
    assert hits() == []


def test_only_the_store_that_was_named_is_erased(canary: Canary) -> None:
    other = Store.objects.create(pk="shp_other", currency="USD")
    row = Customer.objects.get(pk=canary.customer_id)
    row.pk, row.store = "cus_other", other
    row.save(force_insert=True)
    entry = LogEntry.objects.get()
    entry.pk, entry.object_id = None, "cus_other"
    entry.save(force_insert=True)
    erase(canary.store)
    assert Customer.objects.get(pk="cus_other").email == ADDRESS
    assert LogEntry.objects.filter(object_repr=ADDRESS).get().object_id == "cus_other"
    erase(other)
    assert hits() == []


def test_the_record_says_who_and_when_and_holds_no_address(canary: Canary) -> None:
    erasure = erase_person(
        canary.store, ADDRESS, source=Erasure.Source.ADMIN, user=canary.shop.buyer
    )
    assert (erasure.user, erasure.source) == (canary.shop.buyer, "ADMIN")
    assert erasure.counts["Order"] == 3
    assert MARK not in str(Erasure.objects.values().get()).lower()
    again = erase(canary.store)
    assert again.counts == {}


def test_hashes_outlive_the_encryption_keys(canary: Canary, settings: Any) -> None:
    erase(canary.store)
    old = settings.PANDABASE["ENCRYPTION_KEYS"]
    new = keyring.generate_key()
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [new, *old]}
    assert reseal().failed == []
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [new]}
    canary.poll(full=True)
    canary.webhook()
    assert hits() == []


def test_without_the_key_nothing_is_read(canary: Canary, settings: Any) -> None:
    erase(canary.store)
    wrong = {**settings.PANDABASE, "ENCRYPTION_KEYS": [keyring.generate_key()]}
    settings.PANDABASE = wrong
    assert sync_of(canary.store, "orders").run.state == "FAILED"
    assert hits() == []


def test_a_run_that_began_before_an_erasure_writes_nothing_after_it(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = Recorder.saving
    erased: list[Erasure] = []

    def erase_first(recorder: Recorder, guard: Any) -> Any:
        if not erased and not connection.in_atomic_block:
            erased.append(erase(canary.store))
        return saving(recorder, guard)

    fields = {"amount": 4321}
    canary.sandbox.change([{"op": "edit_order", "id": canary.order_id, "fields": fields}])
    monkeypatch.setattr(Recorder, "saving", erase_first)
    run = sync_of(canary.store, "orders").run
    assert erased
    assert run.state != "COMPLETED"
    assert hits() == []
    monkeypatch.undo()
    canary.poll()
    assert hits() == []
    assert Order.objects.get(pk=canary.order_id).amount_minor == 4321


def test_a_lifted_erasure_lets_the_person_come_back(canary: Canary) -> None:
    erase(canary.store)
    assert lift_erasure(canary.store, ADDRESS)
    assert not ErasedHash.objects.exists()
    canary.poll(full=True)
    assert Customer.objects.get(pk=canary.customer_id).email == ADDRESS


def test_the_export_has_all_of_it_and_no_secret(canary: Canary) -> None:
    text = "".join(export_texts([canary.store], ADDRESS))
    for part in (f"{MARK} street 1", f"{MARK} typed", f"{MARK} Person", canary.others[1]):
        assert part in text
    for model in ("Customer", "Order", "Refund", "Dispute", "Purchase", "CheckoutSession"):
        assert f'"{model}"' in text
    assert '"SyncRun"' in text  # mentioned
    assert "pb1." not in text
    erase(canary.store)
    assert MARK not in "".join(export_texts([canary.store], ADDRESS)).lower()


def test_subscriptions_of_the_customer_are_scrubbed(canary: Canary, sandbox: Sandbox) -> None:
    (pk,) = sandbox.change([{"op": "create_subscription", "product": 0, "customer": 0}])
    customer = next(r["customer"] for r in sandbox.dump("subscriptions") if r["id"] == pk)
    sandbox.change(
        [{"op": "edit_customer", "id": customer["id"], "fields": {"email": "sub@example.com"}}]
    )
    canary.poll()
    erase(canary.store, customer["email"])
    canary.poll(full=True)
    row = Subscription.objects.get(pk=pk)
    assert row.payload["customer"].get("email") is None
    assert row.status in ("ACTIVE", "TRIALING")
    assert Purchase.objects.count() == 1
