"""A person in each text column of each table: erased, and brought back by nothing."""

from __future__ import annotations

import pytest

from pandabase_django.models import Erasure
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from tests.people.conftest import ADDRESS, Canary, hits
from tests.people.everywhere import be_everywhere, places_without_the_person

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_left_in_any_column_of_any_table(canary: Canary) -> None:
    be_everywhere(canary)
    assert places_without_the_person(canary) == [], (
        "tests/people/everywhere.py puts the person into each column that can hold one: give it a "
        "row of this table, or say in NEVER why no person can be there."
    )
    exported = "".join(export_texts([canary.store], ADDRESS))
    for model in ("Subscription", "License", "UsageRecord", "CustomerLink", "RemoteAction"):
        assert f'"{model}": [' in exported
    erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)
    assert hits() == []
    canary.poll()
    canary.poll(full=True)
    canary.replay()
    for pk in (canary.order_id, *canary.others):
        canary.webhook(pk)
    assert hits() == []
    again = erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)
    assert again.counts == {}
