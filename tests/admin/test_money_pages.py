"""Refunds, disputes, the ledger, payouts, customers and coupons in the admin."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import (
    Coupon,
    Customer,
    Dispute,
    LedgerEntry,
    MirrorRow,
    Order,
    Payout,
    Refund,
    Store,
)
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

MODELS: list[Any] = [Refund, Dispute, LedgerEntry, Payout, Customer, Coupon]


@pytest.fixture
def store(db: None) -> Store:
    store = Store.objects.create(pk="shp_1", currency="USD")
    order = {"order_number": "cs_1", "currency": "USD", "payment_id": "pmt_1"}
    make(Order, store, "ord_1", **order)
    make(Order, store, "ord_2", order_number="cs_2")
    money = {"amount_minor": 123_456, "currency": "USD"}
    make(Refund, store, "rfd_1", order_id="ord_1", status="COMPLETED", reason="DUPLICATE", **money)
    make(Refund, store, "rfd_2", order_id="ord_gone", status="PROCESSING", **money)
    make(Dispute, store, "dsp_1", order_id="ord_1", status="LOST", fee_minor=2_000, **money)
    make(LedgerEntry, store, "ble_1", type="PAYOUT", balance_minor=-5, **money)
    make(LedgerEntry, store, "ble_2", type="REFUND_INSTANT", reference_id="pmt_1", **money)
    make(Payout, store, "pto_1", status="PROCESSING", reference_id="obp_1", **money)
    make(Customer, store, "cus_1", email="a@b.c", first_name="Ada", total_spent_minor=4_200)
    make(Coupon, store, "cpn_1", code="HALF", type="PERCENTAGE", value=50)
    make(Coupon, store, "cpn_2", code="FIVER", type="FIXED", value=500, is_enabled=False)
    return store


def make(model: Any, store: Store, pk: str, **columns: Any) -> MirrorRow:
    now = timezone.now()
    row: MirrorRow = model.objects.create(
        pk=pk, store=store, first_seen_at=now, synced_at=now, created_at=now, **columns
    )
    return row


def url(model: Any, page: str, *arguments: str) -> str:
    name = f"admin:pandabase_{model._meta.model_name}_{page}"
    return reverse(name, args=[quote(argument) for argument in arguments])


def page_of(client: Any, model: Any, pk: str) -> str:
    text: str = client.get(url(model, "change", pk)).content.decode()
    return text


def found(client: Any, model: Any, **query: str) -> set[str]:
    answer = client.get(url(model, "changelist"), query)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_rows_are_read_and_never_changed(store: Store, login: Login, model: Any) -> None:
    client, row = login(superuser=True), model.objects.order_by("pk")[0]
    before = model.objects.filter(pk=row.pk).values().get()
    assert row.pk in found(client, model)
    assert row.pk in page_of(client, model, row.pk)
    for page, arguments in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        assert client.post(url(model, page, *arguments), {"status": "X"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_at_one_row_as_at_thirty(
    store: Store, login: Login, model: Any
) -> None:
    client = login(superuser=True)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(model, "changelist")).status_code == 200
        return len(captured)

    queries()
    few = queries()
    columns = {"order_id": "ord_2"} if model in (Refund, Dispute) else {}
    for number in range(30):
        make(model, store, f"x_{number}", **columns)
    assert queries() == few


def test_refunds_and_disputes_lead_to_their_orders_and_back(store: Store, login: Login) -> None:
    client = login(superuser=True)
    order_page = page_of(client, Order, "ord_1")
    for model, pk in ((Refund, "rfd_1"), (Dispute, "dsp_1"), (LedgerEntry, "ble_2")):
        assert url(Order, "change", "ord_1") in page_of(client, model, pk)
        assert (url(model, "change", pk) in order_page) == (model is not LedgerEntry)
    assert "ord_gone" in page_of(client, Refund, "rfd_2")
    assert "Refunds and disputes" not in page_of(client, Order, "ord_2")


@pytest.mark.parametrize(
    ("rights", "shown"),
    [
        (["view_order"], set()),
        (["view_order", "view_refund"], {"rfd_1"}),
        (["view_order", "view_dispute"], {"dsp_1"}),
    ],
)
def test_an_order_shows_what_of_its_money_a_person_may_see(
    store: Store, login: Login, rights: list[str], shown: set[str]
) -> None:
    page = page_of(login(*rights), Order, "ord_1")
    assert {pk for pk in ("rfd_1", "dsp_1") if pk in page} == shown


@pytest.mark.parametrize(
    ("model", "query", "rows"),
    [
        (Refund, {"q": "rfd_1"}, {"rfd_1"}),
        (Refund, {"q": "ord_gone"}, {"rfd_2"}),
        (Refund, {"q": "cs_1"}, {"rfd_1"}),
        (Refund, {"status": "PROCESSING"}, {"rfd_2"}),
        (Refund, {"status": "BRAND_NEW"}, set()),
        (Dispute, {"q": "cs_1"}, {"dsp_1"}),
        (Dispute, {"status": "LOST"}, {"dsp_1"}),
        (LedgerEntry, {"type": "PAYOUT"}, {"ble_1"}),
        (LedgerEntry, {"q": "pmt_1"}, {"ble_2"}),
        (Payout, {"q": "obp"}, {"pto_1"}),
        (Payout, {"status": "COMPLETED"}, set()),
        (Customer, {"q": "a@"}, {"cus_1"}),
        (Customer, {"gone": "yes"}, set()),
        (Coupon, {"q": "HAL"}, {"cpn_1"}),
        (Coupon, {"is_enabled__exact": "0"}, {"cpn_2"}),
    ],
)
def test_rows_are_searched_and_filtered(
    store: Store, login: Login, model: Any, query: dict[str, str], rows: set[str]
) -> None:
    assert found(login(superuser=True), model, **query) == rows


def test_amounts_are_shown_and_exported_with_their_currency(store: Store, login: Login) -> None:
    client = login(superuser=True)
    for model, pk in ((Refund, "rfd_1"), (Dispute, "dsp_1"), (LedgerEntry, "ble_1")):
        assert "1,234.56 USD" in page_of(client, model, pk)
    assert "42.00 USD" in page_of(client, Customer, "cus_1")
    assert "50 %" in page_of(client, Coupon, "cpn_1")
    assert "5.00 USD" in page_of(client, Coupon, "cpn_2")
    for model in MODELS:
        answer = client.get(url(model, "export"))
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["id"] for row in rows} == set(model.objects.values_list("pk", flat=True))
        amount = {Customer: "total_spent", Coupon: "value"}.get(model, "amount")
        assert {row[amount] for row in rows} <= {"1234.56", "42.00", "50", "500"}
