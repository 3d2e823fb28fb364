"""Who watches requests: one that fails changes nothing, and none hears of a roll."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pandabase_django import observing
from pandabase_django.models import Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for


class Broken(observing.Observer):
    def request_begins(self, attempt: observing.Attempt) -> Any:
        def ends(status: int) -> None:
            raise OSError("no space is left for sk_canary")

        return ends

    def waits(self, seconds: float, *, limit: str) -> None:
        raise ValueError("sk_canary")


def test_an_observer_that_fails_changes_nothing_and_is_named_once(
    sandbox: Sandbox,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(observing._Set, "choose", staticmethod(lambda: (Broken(),)))
    monkeypatch.setattr(observing._Set, "reported", set())
    with client_for(store) as client:
        for _ in range(3):
            assert client.products.list().items
    observing.waits(1.0, limit="token")
    said = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert said == [
        "Metrics or traces fail (OSError); the work goes on without.",
        "Metrics or traces fail (ValueError); the work goes on without.",
    ]


def test_nobody_is_told_of_the_request_whose_answer_can_t_be_had_again(
    sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Telling(observing.Observer):
        def request_begins(self, attempt: observing.Attempt) -> Any:
            told.append(attempt.operation)
            return lambda status: told.append(str(status))

    monkeypatch.setattr(observing._Set, "choose", staticmethod(lambda: (Telling(),)))
    token = store.tokens.get()
    with client_for(store) as client:
        assert client.roll_secret(token.token_id).status < 300
    assert told == []
