"""The pool of connections: signs of life, what is asked aside, and batches that lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from django.db.backends.signals import connection_created

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import InvalidCredential, ProtocolError
from pandabase_django.models import Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.resources import with_runs
from pandabase_django.services.sync.run import reader as paging
from pandabase_django.services.sync.run.reader import Reader, batches
from tests.sync.conftest import Sync


def test_a_sign_of_life_comes_by_the_clock_though_answers_never_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "TICK_SECONDS", 0.05)
    signs: list[float] = []
    reader: Reader[None]
    with Reader(concurrency=1, while_waiting=lambda: signs.append(time.monotonic())) as reader:
        for _ in reader.each(lambda _: time.sleep(0.01), range(60)):
            pass
    assert len(signs) >= 5


def _slowly(asked: list[int]) -> Callable[[int], None]:
    def ask(number: int) -> None:
        time.sleep(0.1)
        asked.append(number)

    return ask


def test_what_is_asked_aside_does_not_queue_behind_what_was_asked_ahead() -> None:
    asked: list[int] = []
    reader: Reader[None]
    with Reader(concurrency=1, while_waiting=lambda: None) as reader:
        answers = reader.each(_slowly(asked), range(60))
        next(answers)  # fifteen more wait for the connection
        assert reader.aside(lambda: "works") == "works"
        assert len(asked) < 10


def test_who_interrupts_a_request_aside_does_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "TICK_SECONDS", 0.05)
    begun, over = threading.Event(), threading.Event()

    def interrupt() -> None:
        if begun.is_set():
            raise KeyboardInterrupt

    def work() -> None:
        begun.set()
        over.wait(60)

    began = time.monotonic()
    reader: Reader[None]
    with (
        pytest.raises(KeyboardInterrupt),
        Reader(concurrency=1, while_waiting=interrupt, give_up=over.set) as reader,
    ):
        reader.aside(work)
    assert time.monotonic() - began < 30


def test_what_is_asked_aside_again_with_a_newer_secret_does_not_queue_either() -> None:
    secrets = ["old", "new"]

    def work() -> str:
        secret = secrets.pop(0)
        if secret == "old":
            raise InvalidCredential("refused", status=401)
        return secret

    asked: list[int] = []
    reader: Reader[None]
    with Reader(concurrency=1, while_waiting=lambda: None, renew=lambda _: True) as reader:
        answers = reader.each(_slowly(asked), range(60))
        next(answers)
        assert reader.aside(work) == "new"
        assert len(asked) < 10


def test_a_batch_that_is_not_full_comes_before_the_error() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise ProtocolError("the sixth is unreadable")

    given = batches(source(), 2)
    assert [next(given) for _ in range(3)] == [[0, 1], [2, 3], [4]]
    with pytest.raises(ProtocolError):
        next(given)
    assert list(batches(range(4), 2)) == [[0, 1], [2, 3]]
    assert list(batches([], 2)) == []


@pytest.mark.parametrize("beyond", [lambda number: 3, lambda number: (number - 1) % 3 + 1])
def test_a_list_that_repeats_itself_beyond_its_end_is_read_once(
    beyond: Callable[[int], int],
) -> None:
    """It gives fewer rows a page than it says, so that its end is not known before it is met."""

    def fetch(number: int) -> Page[schemas.Refund]:
        rows = [{"id": f"rfn_{beyond(number)}_{row}"} for row in range(2)]
        numbers = {"page": number, "limit": 4, "total": 6, "totalPages": 2}
        data = {"items": rows, "pagination": numbers}
        return Page.from_json(data, read=schemas.Refund.from_json)

    reader: Reader[schemas.Refund]
    with Reader(concurrency=2, while_waiting=lambda: None) as reader:
        numbers = [page.page for page in islice(reader.pages(fetch), 20)]
    assert numbers[:3] == [1, 2, 3]
    assert len(numbers) < 6


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 12, "orders": 130}


@pytest.fixture
def secret_is_refused_once(sandbox: Sandbox, store: Store) -> None:
    """The way to the database that is nearest: a 401 has the secret looked up again."""
    refusal = {"action": "status", "args": {"status": 401}}
    sandbox.fault([{"match": {"path_regex": "/orders$"}, "nth": 2, "times": 1, **refusal}])


@pytest.mark.django_db(transaction=True)
def test_no_thread_that_reads_asks_the_database(
    sandbox: Sandbox, sync: Sync, secret_is_refused_once: None
) -> None:
    opened_by: list[str] = []

    def note(**_: object) -> None:
        opened_by.append(threading.current_thread().name)

    connection_created.connect(note)
    try:
        for resource in with_runs():
            for options in ({}, {"full": True}, {"dry_run": True}):
                sync(resource.name, **options)
    finally:
        connection_created.disconnect(note)
    states = list(SyncRun.objects.values_list("state", flat=True))
    assert (states.count("FAILED"), len(set(states))) == (1, 2)
    # A thread has its own connection: one that asked anything would have opened it.
    assert [name for name in opened_by if name.startswith("pandabase-fetch")] == []
