"""The pool of connections: signs of life, what is asked aside, and batches that lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pandabase_django.exceptions import InvalidCredential, ProtocolError
from pandabase_django.services.sync import paging
from pandabase_django.services.sync.paging import Reader, batches


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


def test_what_is_asked_aside_does_not_queue_behind_what_was_asked_ahead() -> None:
    reader: Reader[None]
    with Reader(concurrency=1, while_waiting=lambda: None) as reader:
        answers = reader.each(lambda _: time.sleep(0.1), range(60))
        next(answers)  # fifteen more wait for the connection
        began = time.monotonic()
        assert reader.aside(lambda: "works") == "works"
        assert time.monotonic() - began < 1


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
        over.wait(5)

    began = time.monotonic()
    reader: Reader[None]
    with (
        pytest.raises(KeyboardInterrupt),
        Reader(concurrency=1, while_waiting=interrupt, give_up=over.set) as reader,
    ):
        reader.aside(work)
    assert time.monotonic() - began < 2


def test_what_is_asked_aside_again_with_a_newer_secret_does_not_queue_either() -> None:
    secrets = ["old", "new"]

    def work() -> str:
        secret = secrets.pop(0)
        if secret == "old":
            raise InvalidCredential("refused", status=401)
        return secret

    reader: Reader[None]
    with Reader(concurrency=1, while_waiting=lambda: None, renew=lambda _: True) as reader:
        answers = reader.each(lambda _: time.sleep(0.1), range(60))
        next(answers)
        began = time.monotonic()
        assert reader.aside(work) == "new"
        assert time.monotonic() - began < 1


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
