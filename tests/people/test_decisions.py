"""Every column of every table has a decision, and every field of the remote that is read."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from django.apps import apps

from pandabase_django.api import schemas
from pandabase_django.api.schemas.declared import paths_of
from pandabase_django.models import Erasure, Store
from pandabase_django.services.erasures.addresses import (
    is_similar,
    normal_address,
    spellings,
)
from pandabase_django.services.erasures.scrubbing import KEPT, SECTIONS, identifiers, scrubbed
from pandabase_django.services.people.decisions import TABLES
from pandabase_django.services.people.erasing import recorded
from pandabase_django.services.people.finding import find_person

KINDS = ("kept", "emptied", "scrubbed", "reread", "replaced", "cut", "shortened", "searched")
ADVICE = (
    "Decide what an erasure does to this column, in services/people/decisions.py: its text says "
    "what the kinds are. A column that can hold a person's data is never 'kept'."
)
# Fields of the remote that an erased person loses.
PERSONAL = {
    "email",
    "firstName",
    "lastName",
    "payment.paymentMethod.cardBrand",
    "payment.paymentMethod.cardLastFour",
    "billingAddress.addressLine1",
    "billingAddress.addressLine2",
    "billingAddress.city",
    "billingAddress.state",
    "billingAddress.postalCode",
}
# Kept as far as they are one word or a country's code.
PARTLY = {"reason", "billingAddress.country", "payment.paymentMethod.type", "name"}


@pytest.mark.parametrize(
    "model", list(apps.get_app_config("pandabase").get_models()), ids=lambda model: model.__name__
)
def test_every_column_has_one_decision(model: Any) -> None:
    table = TABLES.get(model.__name__)
    assert table is not None, f"{model.__name__} has no decisions. {ADVICE}"
    decided = [name for kind in KINDS for name in table.columns(kind)]
    columns = [field.name for field in model._meta.concrete_fields]
    missing = sorted(set(columns) - set(decided))
    assert not missing, f"{model.__name__}.{missing}: {ADVICE}"
    assert sorted(decided) == sorted(columns)


def test_no_decision_is_left_of_a_model_that_is_gone() -> None:
    models = {model.__name__ for model in apps.get_app_config("pandabase").get_models()}
    assert set(TABLES) == models


def test_a_payload_of_a_persons_row_is_scrubbed_and_no_other_kept() -> None:
    shops = {"Category", "Coupon", "Payout", "Product", "ProductVariant"}
    for name, table in TABLES.items():
        if "payload" in table.columns("kept"):
            assert name in shops, f"{name}.payload: {ADVICE}"


@pytest.mark.parametrize(
    "schema",
    [
        schemas.CustomerRecord,
        schemas.Dispute,
        schemas.License,
        schemas.Order,
        schemas.OrderItem,
        schemas.OrderSummary,
        schemas.Refund,
        schemas.Subscription,
    ],
)
def test_every_field_that_is_read_has_a_decision(schema: Any) -> None:
    undecided = []
    for column, paths in paths_of(schema).items():
        for path in paths:
            *sections, leaf = path.split(".")
            known = leaf in KEPT or leaf in SECTIONS
            if path not in PERSONAL | PARTLY and not known:
                undecided.append((column, path))
            assert set(sections) <= SECTIONS, path
    assert not undecided, (
        f"{undecided}: name it in KEPT of services/erasures/scrubbing.py if it can say nothing of "
        "a person, else in PERSONAL of this test, and its column in services/people/decisions.py."
    )


def test_scrubbing_keeps_what_is_known_and_nothing_else() -> None:
    order = {
        "id": "ord_1",
        "amount": 100,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "customer": {"id": "cus_1", "email": "a@b.c", "name": "Ada", "phone": 49},
        "items": [{"id": "i", "name": "Pro plan", "price": 1, "note": "for Ada"}],
        "billingAddress": {"addressLine1": "x", "country": "DE", "city": "Bonn"},
        "payment": {"id": "p", "paymentMethod": {"type": "card", "brand": "visa", "lastFour": "1"}},
        "metadata": {"pandabase_django": "signed", "name": "Ada"},
        "customFields": {"name": "Ada"},
        "Ada": {"id": "Ada"},
        "reason": "Ada asked for it",
        "note": ["Ada"],
    }
    kept = scrubbed(order)
    assert "Ada" not in str(kept)
    assert kept == {
        "id": "ord_1",
        "amount": 100,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "customer": {"id": "cus_1", "email": None},
        "items": [{"id": "i", "name": "Pro plan", "price": 1}],
        "billingAddress": {"country": "DE"},
        "payment": {"id": "p", "paymentMethod": {"type": "card"}},
        "metadata": {"pandabase_django": "signed"},
    }
    assert scrubbed(kept) == kept
    assert set(identifiers(order)) == {("id", "ord_1"), ("id", "cus_1"), ("email", "a@b.c")}


@pytest.mark.parametrize(
    ("one", "other", "same", "similar"),
    [
        ("Ada@Example.com", "ada@example.COM", True, False),
        (" ada@example.com ", "ada@example.com", True, False),
        ("jose\u0301@example.com", "jos\u00e9@example.com", True, False),
        ("ada@m\u00fcller.example", "ada@xn--mller-kva.example", True, False),
        ("ada+shop@example.com", "ada@example.com", False, True),
        ("a.da@example.com", "ada@example.com", False, True),
        ("jos\u00e9@example.com", "jose@example.com", False, True),
        ("stra\u00dfe@example.com", "strasse@example.com", False, False),
        ("ada@example.org", "ada@example.com", False, False),
    ],
)
def test_which_addresses_are_one_persons(one: str, other: str, same: bool, similar: bool) -> None:
    assert (normal_address(one) == normal_address(other)) is same
    assert is_similar(one, other) is similar
    if same:
        found = {text.lower() for text in spellings(one)}
        assert other.strip().lower() in found


@pytest.mark.parametrize("text", ["", "ada", "@example.com", "ada@", "  "])
def test_what_is_no_address_is_none(text: str) -> None:
    assert normal_address(text) == ""


@pytest.mark.parametrize(
    "text",
    ["Ada Lovelace <ada@example.com>", "<ada@example.com>", "ada@example.com bo@example.com"],
)
def test_an_address_with_more_beside_it_is_refused_and_nobody_else_is_erased(text: str) -> None:
    """Whoever pastes it from a mail is told, and does not take it for done."""
    assert normal_address(text) == ""
    with pytest.raises(ValueError, match="no e-mail address"):
        recorded(Store(pk="shp_1"), text, source=Erasure.Source.COMMAND)
    assert normal_address('"ada l"@example.com') == '"ada l"@example.com'


def test_the_kinds_of_this_test_are_those_of_a_table() -> None:
    from pandabase_django.services.people.decisions import Table

    assert tuple(field.name for field in fields(Table)) == KINDS


@pytest.mark.django_db
def test_texts_of_a_persons_rows_are_not_only_searched_for_the_address() -> None:
    """What somebody wrote there is about the person, whether it names the address or not."""
    searched = {
        "Purchase.differences",  # amounts, and names of what was bought
        "UsageRecord.key",  # knows the record again, so it is not billed twice
    }
    store = Store.objects.create(pk="shp_1")
    names = [model.__name__ for model in find_person(store, "ada@example.com").rows]
    found = {f"{name}.{column}" for name in names for column in TABLES[name].columns("searched")}
    assert found == searched, ADVICE


@pytest.mark.django_db
def test_every_table_that_is_emptied_is_looked_through() -> None:
    store = Store.objects.create(pk="shp_1")
    found = {model.__name__ for model in find_person(store, "ada@example.com").rows}
    kinds = ("emptied", "scrubbed", "reread", "replaced", "cut", "shortened")
    wanted = {name for name, table in TABLES.items() if any(map(table.columns, kinds))}
    assert wanted == found, "services/people/finding.py finds the rows whose columns change."
