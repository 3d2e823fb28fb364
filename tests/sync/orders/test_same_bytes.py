"""Orders that a list shows in the bytes of last time are neither decoded nor written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from pandabase_django.api.digests import digest_of
from pandabase_django.api.schemas import OrderRow
from pandabase_django.api.wire.replies import RawReply, read_reply
from pandabase_django.models import Customer, Order, RowChange, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.summaries import Noted, write_summaries
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = pytest.mark.django_db

SHOP = "shp_bytes"
SHOWN: dict[str, Any] = {
    "id": "ord_1",
    "status": "COMPLETED",
    "amount": 100,
    "customer": {"id": "cus_1", "email": "a@example.com"},
}


def row_of(text: str) -> OrderRow:
    body = '{"ok":true,"data":{"items":[' + text + '],"pagination":{}}}'
    reply = read_reply(RawReply(200, "req_1", body.encode()))
    return OrderRow.from_json(reply.content.listed.data["items"][0])


def listed(text: str, *, dry_run: bool = False) -> tuple[Noted, OrderRow]:
    row = row_of(text)
    with transaction.atomic():
        noted = write_summaries([row], store_id=SHOP, now=timezone.now(), dry_run=dry_run)
    return noted, row


@pytest.fixture
def known(db: None) -> str:
    """The order is here, nothing of it is due; its bytes come back."""
    Store.objects.create(pk=SHOP)
    text = json.dumps(SHOWN)
    noted, _ = listed(text)
    assert noted.new == ("ord_1",)
    Order.objects.update(dirty=False)
    return text


def columns() -> dict[str, Any]:
    return Order.objects.values().get()


def test_the_same_bytes_are_not_decoded_and_change_nothing(known: str) -> None:
    before = columns()
    noted, row = listed(known)
    assert (noted.unchanged, noted.changed) == (1, ())
    assert row._payload is None  # it was not decoded
    assert columns() == before


def test_another_order_of_the_keys_costs_one_writing_of_digests_alone(known: str) -> None:
    before = columns()
    other = json.dumps(dict(reversed(SHOWN.items())), indent=1)
    assert listed(other, dry_run=True)[0].unchanged == 1
    assert columns() == before
    noted, _ = listed(other)
    assert (noted.unchanged, noted.changed, noted.moved) == (1, (), ())
    after = columns()
    assert after.pop("list_digest") != before.pop("list_digest")
    assert after == before
    _, again = listed(other)
    assert again._payload is None  # it was not decoded


def test_a_digest_of_an_earlier_version_is_made_a_pair_and_nothing_is_due(known: str) -> None:
    pair = columns()["list_digest"]
    Order.objects.update(list_digest=digest_of(SHOWN))
    before = columns()
    assert listed(known)[0].unchanged == 1
    assert columns() == before | {"list_digest": pair}


def test_bytes_that_had_to_be_replaced_are_compared_by_what_they_say(known: str) -> None:
    text = json.dumps({**SHOWN, "note": "a\x00"})
    assert len(listed(text)[0].changed) == 1
    Order.objects.update(dirty=False)
    before = columns()
    noted, row = listed(text)
    assert (noted.unchanged, row.bytes_digest) == (1, "")
    assert columns() == before


def test_a_number_that_cannot_be_stored_is_named_when_its_row_is_decoded(known: str) -> None:
    text = known.replace('"amount": 100', '"amount": 1e999')
    named = ("ord_1: A number beyond every range was replaced by null.",)
    assert listed(text)[0].warnings == named
    assert listed(text)[0].warnings == ()


@pytest.mark.parametrize(("first", "then"), [("100", "1e2"), ("1", "1.0"), ("1.0", "1")])
def test_a_number_that_is_written_otherwise_has_the_details_read_again(
    known: str, first: str, then: str
) -> None:
    texts = [known.replace('"amount": 100', f'"amount": {number}') for number in (first, then)]
    assert texts[0] != texts[1]
    listed(texts[0])
    Order.objects.update(dirty=False)
    assert len(listed(texts[1])[0].changed) == 1
    assert columns()["dirty"]


def test_the_fraction_of_a_number_counts_by_its_value(known: str) -> None:
    one, other = (known.replace('"amount": 100', f'"amount": {n}') for n in ("100.0", "1e2"))
    listed(one)
    Order.objects.update(dirty=False)
    assert listed(other)[0].unchanged == 1
    assert not columns()["dirty"]


def test_a_customer_whom_somebody_else_wrote_is_repaired_without_decoding(known: str) -> None:
    Customer.objects.update(email="lost@example.com")
    _, row = listed(known)
    assert row._payload is None  # it was not decoded
    assert Customer.objects.get().email == "a@example.com"


def test_a_tombstone_that_comes_back_in_the_same_bytes_is_read_again(known: str) -> None:
    Order.objects.update(gone_at=timezone.now())
    noted, _ = listed(known)
    assert [row.id for row in noted.changed] == ["ord_1"]
    assert noted.moved == ("ord_1",)


def test_a_second_full_pass_after_an_upgrade_writes_digests_and_notes_no_change(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    pairs = dict(Order.objects.values_list("pk", "list_digest"))
    for pk, pair in pairs.items():
        Order.objects.filter(pk=pk).update(list_digest=pair[:32] + "0" * 32)
    marks = dict(Order.objects.values_list("pk", "dirty_mark"))
    run = sync("orders", full=True).run
    assert (run.rows_created, run.rows_updated) == (0, 0)
    assert dict(Order.objects.values_list("pk", "list_digest")) == pairs
    assert dict(Order.objects.values_list("pk", "dirty_mark")) == marks
    assert not RowChange.objects.exists()
    assert order_differences(sandbox) == []
