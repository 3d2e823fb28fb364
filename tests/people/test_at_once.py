"""An erasure waits for whoever writes at the same time, and nobody writes past it (PostgreSQL)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections

from pandabase_django.database import transaction
from pandabase_django.models import Erasure, Store
from pandabase_django.services.erasures.hashes import remember
from pandabase_django.services.erasures.scrubber import may_write, scrubber_of
from tests.people.conftest import ADDRESS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(pk="shp_1")


def test_an_erasure_waits_for_a_writer_that_passed_the_gate(store: Store) -> None:
    before, ended = scrubber_of(store.pk), threading.Event()

    def erase() -> None:
        erasure = Erasure.objects.create(store=store, source=Erasure.Source.COMMAND)
        remember(erasure, ADDRESS, ids=())
        ended.set()
        connections.close_all()

    thread = threading.Thread(target=erase)
    with transaction.atomic():
        assert may_write(store.pk, before)
        thread.start()
        assert not ended.wait(0.5)
    thread.join(10)
    assert ended.is_set()
    with transaction.atomic():
        assert not may_write(store.pk, before)
        assert may_write(store.pk, scrubber_of(store.pk))


def test_two_first_erasures_at_once_make_one_key(store: Store) -> None:
    failed: list[Any] = []
    start = threading.Barrier(2)

    def erase(number: int) -> None:
        try:
            erasure = Erasure.objects.create(store=store, source=Erasure.Source.COMMAND)
            start.wait(5)
            remember(erasure, f"{number}@example.com", ids=())
        except Exception as error:  # noqa: BLE001  shown by the assertion
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=erase, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == []
    scrub = scrubber_of(store.pk)
    for number in range(2):
        shown = {"id": "ord_1", "customer": {"email": f"{number}@example.com"}}
        assert scrub(shown) == {"id": "ord_1", "customer": {"email": None}}
