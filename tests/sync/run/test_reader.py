"""The pool of connections: signs of life, what is asked aside, and batches that lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import InvalidCredential, ProtocolError
from pandabase_django.services.sync.run import reader as paging
from pandabase_django.services.sync.run.reader import Reader, batches


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
