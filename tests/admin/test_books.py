"""The pages of the ledger's months: who may open them, and what they say."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone as zones
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone, translation

from pandabase_django.models import LedgerEntry, Order, Store, SyncCursor
from tests.admin.conftest import Login
from tests.admin.test_money_pages import make

pytestmark = pytest.mark.django_db

RIGHTS = ("view_ledgerentry", "close_ledgerentry")
MONTH = {"store": "shp_1", "month": "2025-03"}


@pytest.fixture
def store(db: None) -> Store:
    store = Store.objects.create(pk="shp_1", currency="USD")
    make(Order, store, "ord_1", order_number="cs_1", payment_id="pmt_1", settled_minor=500)
    balance = 0
    entries = [("ble_1", 500, "pmt_1"), ("ble_2", 700, "pmt_gone"), ("ble_3", -100, "=1+1")]
    for number, (pk, amount, reference) in enumerate(entries, 1):
        balance += amount
        row: Any = make(
            LedgerEntry,
            store,
            pk,
            type="PAYMENT_RECEIVED",
            amount_minor=amount,
            balance_minor=balance,
            currency="USD",
            reference_id=reference,
        )
        at = datetime(2025, 3, number, tzinfo=zones.utc)
        LedgerEntry.objects.filter(pk=row.pk).update(created_at=at)
    # The ledger was read to its end, and nothing else was.
    known: dict[str, Any] = {"ledger": {"newest": {}}}
    now = timezone.now()
    SyncCursor.objects.create(
        store=store, resource="ledger", last_completed_at=now, checkpoint=known
    )
    return store


def page(name: str) -> str:
    return reverse(f"admin:pandabase_ledgerentry_{name}")


def test_the_list_of_months_is_reached_from_the_ledger_by_those_who_may(
    store: Store, login: Login
) -> None:
    may, may_not = login(*RIGHTS), login("view_ledgerentry")
    ledger = page("changelist")
    assert page("books") in may.get(ledger).content.decode()
    assert page("books") not in may_not.get(ledger).content.decode()
    for name in ("books", "month", "month_export"):
        assert may_not.get(page(name), MONTH).status_code == 403
        assert login("close_ledgerentry").get(page(name), MONTH).status_code == 403
    listed = may.get(page("books")).content.decode()
    assert "2025-03" in listed
    assert "store=shp_1&amp;month=2025-03" in listed


def test_a_month_says_its_result_what_differs_and_what_is_missing(
    store: Store, login: Login
) -> None:
    LedgerEntry.objects.filter(pk="ble_2").update(balance_minor=1300)
    said = login(*RIGHTS).get(page("month"), MONTH).content.decode()
    assert "Different" in said
    assert "Entry ble_2: the balance must be 12.00 USD and is 13.00 USD." in said
    assert "look for an entry that is missing before it" in said
    assert "Orders: never read. Sync them." in said
    assert "cs_1" in said
    order = reverse("admin:pandabase_order_change", args=[quote("ord_1")])
    assert order not in said
    assert order in login(*RIGHTS, "view_order").get(page("month"), MONTH).content.decode()


def test_a_month_is_downloaded_without_formulas(store: Store, login: Login) -> None:
    answer = login(*RIGHTS).get(page("month_export"), MONTH)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "no-store" in answer.headers["Cache-Control"]
    assert '"ble_3"' in text
    assert '"\'=1+1"' in text
    assert text.rstrip().endswith('"INCOMPLETE"')


@pytest.mark.parametrize(
    "query",
    [
        {"store": "shp_1", "month": "2025-13"},
        {"store": "shp_2", "month": "2025-03"},
        {"month": "2025-03"},
    ],
)
def test_another_month_or_store_is_not_found(
    store: Store, login: Login, query: dict[str, str]
) -> None:
    client = login(*RIGHTS)
    assert client.get(page("month"), query).status_code == 404
    assert client.get(page("month_export"), query).status_code == 404


@pytest.mark.urls("tests.admin.sites.no_orders_urls")
def test_no_link_leads_to_an_order_that_a_rule_hides(store: Store, login: Login) -> None:
    said = login(superuser=True).get(page("month"), MONTH).content.decode()
    assert "cs_1" in said
    order = reverse("admin:pandabase_order_change", args=[quote("ord_1")])
    assert order not in said


@pytest.mark.urls("tests.admin.sites.by_store_urls")
def test_a_hidden_stores_months_are_neither_listed_nor_opened(store: Store, login: Login) -> None:
    from tests.admin.sites.by_store_urls import HIDDEN_STORE, site

    hidden = Store.objects.create(pk=HIDDEN_STORE, title="Zweitladen")
    make(LedgerEntry, hidden, "ble_hidden", amount_minor=1, balance_minor=1)
    client = login(superuser=True)
    books = reverse(f"{site.name}:pandabase_ledgerentry_books")
    said = client.get(books).content.decode()
    assert "shp_1" in said
    assert HIDDEN_STORE not in said
    month = reverse(f"{site.name}:pandabase_ledgerentry_month")
    for name in (month, month + "export/"):
        query = {"store": HIDDEN_STORE, "month": "2025-03"}
        assert client.get(name, query).status_code == 404


def test_the_pages_are_there_in_german(store: Store, login: Login, settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    with translation.override("de"):
        said = login(*RIGHTS).get(page("month"), MONTH).content.decode()
    assert "Unvollständig" in said or "Unterschied" in said
