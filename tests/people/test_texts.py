"""Texts of rows that are nobody's, such as the ledger's, name no erased person any more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import Dispute, Erasure, LedgerEntry, RequestLog
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.erasures.addresses import (
    normal_address,
    with_addresses_replaced,
    written_forms,
)
from pandabase_django.services.erasures.hashes import without_erased_addresses
from pandabase_django.services.erasures.scrubber import scrubber_of
from pandabase_django.services.people.erasing import erase_person
from tests.actions.conftest import settled
from tests.commands import pandabase_sync
from tests.people.conftest import ADDRESS, MARK, Canary, hits

ANN = "ann@example.com"


def without_ann(text: str, *, joined: bool = False) -> str:
    return with_addresses_replaced(
        text, "[erased]", is_theirs=lambda one: one.lower() == ANN, joined=joined
    )


@pytest.mark.parametrize(
    ("text", "whole", "joined"),
    [
        ("Payment by ann@example.com.", "Payment by [erased].", "Payment by [erased]."),
        ("<ANN@EXAMPLE.COM>, bo@x.org", "<[erased]>, bo@x.org", "<[erased]>, bo@x.org"),
        ("ann@example.com,ann@example.com", "[erased],[erased]", "[erased],[erased]"),
        ("/p?m=ann%40example.com&x=1", "/p?m=[erased]&x=1", "/p?m=[erased]&x=1"),
        ("mail%3Dann%40example.com%26b", "mail%3D[erased]%26b", "mail%3D[erased]%26b"),
        ("joann@example.com", None, None),
        ("ann@example.company", None, None),
        ("x.ann@example.com", None, "x.[erased]"),
        ("x%2Bann%40example.com", None, None),
        ("ann@example.com.au", None, "[erased].au"),
        ("answer-ann@example.com-3", None, "answer-[erased]-3"),
        ("line\\nann@example.com", "line\\n[erased]", "line\\n[erased]"),
        ("@ ann@ @example.com ann@", None, None),
        ("ann@example.com@ann@example.com", "[erased]@[erased]", "[erased]@[erased]"),
    ],
)
def test_where_an_address_begins_and_ends(text: str, whole: str | None, joined: str | None) -> None:
    assert without_ann(text) == (text if whole is None else whole)
    assert without_ann(text, joined=True) == (text if joined is None else joined)


@pytest.mark.parametrize("address", ["ada@example.com", "o'brien+x@müller.example", "özlem@a.de"])
def test_every_way_of_writing_it_is_found(address: str) -> None:
    def theirs(one: str) -> bool:
        return normal_address(one) == normal_address(address)

    for form in written_forms(address):
        for text in (form, form.upper(), f'"{form}"', f"({form})", f"Of {form}, yes"):
            assert with_addresses_replaced(text, "", is_theirs=theirs) == text.replace(
                form, ""
            ).replace(form.upper(), ""), form


def test_a_text_of_nothing_but_joints_takes_no_time() -> None:
    text = "-".join("ab" for _ in range(5000)) + "@" + ".".join("cd" for _ in range(5000))
    asked: list[str] = []
    with_addresses_replaced(
        text * 3, "", is_theirs=lambda one: bool(asked.append(one)), joined=True
    )
    assert len(asked) <= 3 * 40 * 40


@pytest.mark.django_db(transaction=True)
def test_a_text_with_many_addresses_costs_as_many_queries_as_one_with_one(
    canary: Canary, django_assert_num_queries: Any
) -> None:
    erase(canary)
    log = [f"{n}: bo@x.example, {ADDRESS}" for n in range(200)]
    # Whether anybody was erased, the key, and which addresses were.
    for lines in (log[:1], log):
        with django_assert_num_queries(3):
            found = without_erased_addresses(canary.store.pk, {"log": lines})
        assert found == {"log": [line.replace(ADDRESS, "[erased]") for line in lines]}


# --- what is mirrored


@pytest.fixture
def entry(canary: Canary, sandbox: Sandbox) -> str:
    """An entry of the ledger whose description names the person, before they are erased."""
    fields = {"description": f"Payment by {ADDRESS}", "note": {ADDRESS: [f"<{ADDRESS.upper()}>"]}}
    (pk, *_) = sandbox.change([{"op": "edit_entry", "index": -1, "fields": fields}])
    canary.poll(full=True)
    assert ADDRESS in LedgerEntry.objects.get(pk=pk).description
    return str(pk)


def erase(canary: Canary) -> None:
    erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)


def audit_of_the_ledger() -> tuple[int, str]:
    arguments = ("--audit", "--full", "--resource", "ledger", "--format", "json")
    return pandabase_sync(*arguments)


@pytest.mark.django_db(transaction=True)
def test_an_audit_of_the_ledger_is_equal_and_names_nobody(canary: Canary, entry: str) -> None:
    erase(canary)
    for full in (None, False, True):
        if full is not None:
            canary.poll(full=full)
        code, said = audit_of_the_ledger()
        assert (code, json.loads(said)["audits"][0]["state"]) == (0, "EQUAL")
        assert MARK not in said.lower()
        assert hits() == []
    assert LedgerEntry.objects.get(pk=entry).description == "Payment by [erased]"


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_comes_or_changes_later_brings_nobody_back(
    canary: Canary, sandbox: Sandbox, entry: str
) -> None:
    erase(canary)
    fields = {"description": f"Corrected: {ADDRESS}; bo@example.com", "amount": 5}
    sandbox.change([{"op": "edit_entry", "index": -1, "fields": fields}])
    code, said = audit_of_the_ledger()
    assert code == 4
    assert MARK not in said.lower()
    canary.poll(full=True)
    assert hits() == []
    row = LedgerEntry.objects.get(pk=entry)
    assert (row.description, row.amount_minor) == ("Corrected: [erased]; bo@example.com", 5)


@pytest.mark.django_db(transaction=True)
def test_the_log_of_requests_brings_nobody_back(canary: Canary) -> None:
    erase(canary)
    scrub = scrubber_of(canary.store.pk)
    line = {"path": f"/customers?email={ADDRESS.replace('@', '%40')}", "customerId": "cus_1"}
    assert scrub(line, texts=True) == {"path": "/customers?email=[erased]", "customerId": "cus_1"}
    assert not RequestLog.objects.filter(path__icontains=MARK).exists()


@pytest.mark.django_db(transaction=True)
def test_anothers_evidence_names_nobody_once_it_is_closed(canary: Canary, sandbox: Sandbox) -> None:
    (order,) = sandbox.change([{"op": "create_order"}])
    sandbox.change([{"op": "dispute_order", "id": order}])
    canary.poll()
    Dispute.objects.update(created_at=timezone.now())
    text = f"bo@example.com gave it to {ADDRESS} as a present."
    dispute = Dispute.objects.get(order=order)
    action = actions.submit_evidence(dispute, text, reason=f"Bo gave it to {ADDRESS}")
    erase(canary)
    action.refresh_from_db()
    assert (action.reason, action.parameters["access_activity_log"]) == (
        "Bo gave it to [erased]",
        text,
    )
    rule = {"action": "status", "args": {"status": 400}}
    sandbox.fault([{"match": {"method": "POST", "path_regex": "evidence$"}, **rule}])
    action = settled(action)
    assert action.state == "REFUSED"
    assert action.parameters == {
        "access_activity_log": "bo@example.com gave it to [erased] as a present."
    }
    assert hits() == []
