"""What is to be done on commit is done once, whoever waits for the commit outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from pandabase_django.events import on_paid
from pandabase_django.models import Purchase
from pandabase_django.testing import Pandabase, PandabaseMixin
from pandabase_django.testing.worker import committed

pytestmark = pytest.mark.django_db
capture = TestCase.captureOnCommitCallbacks


@pytest.fixture
def mails() -> list[str]:
    """A mail for each purchase, and one that is sent when that one was sent."""
    sent: list[str] = []

    def first() -> None:
        sent.append("first")
        transaction.on_commit(lambda: sent.append("second"))

    @on_paid()
    def mail(purchase: Purchase) -> None:
        transaction.on_commit(first)

    return sent


def test_without_a_capture(pandabase: Pandabase, mails: list[str]) -> None:
    pandabase.paid_order()
    assert mails == ["first", "second"]
    pandabase.work()
    assert mails == ["first", "second"]


def test_inside_a_capture(
    pandabase: Pandabase,
    mails: list[str],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        transaction.on_commit(lambda: mails.append("before"))
        pandabase.paid_order()
        assert mails == ["first", "second"]
        transaction.on_commit(lambda: mails.append("after"))
    assert mails == ["first", "second", "before", "after"]


def test_a_capture_counts_those_of_the_test_alone(pandabase: Pandabase, mails: list[str]) -> None:
    session = pandabase.checkout()
    with capture() as callbacks:
        transaction.on_commit(lambda: mails.append("before"))
        pandabase.pay(session)
        transaction.on_commit(lambda: mails.append("after"))
    assert len(callbacks) == 2
    assert mails == ["first", "second"]


class CaptureTests(PandabaseMixin, TestCase):
    def test_inside_the_capture_of_a_test_case(self) -> None:
        calls = []

        @on_paid()
        def mail(purchase: Purchase) -> None:
            transaction.on_commit(lambda: calls.append(purchase.pk))

        with self.captureOnCommitCallbacks(execute=True):
            self.pandabase.paid_order()
        assert len(calls) == 1


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction(pandabase: Pandabase, mails: list[str]) -> None:
    session = pandabase.checkout()
    with transaction.atomic():
        pandabase.pay(session)
    assert mails == ["first", "second"]


def test_one_that_works_for_pandabase_itself() -> None:
    calls = []

    def nested() -> None:
        calls.append("outer")
        with committed():
            transaction.on_commit(lambda: calls.append("inner"))

    with capture(execute=True), committed():
        transaction.on_commit(nested)
    assert calls == ["outer", "inner"]


def test_one_that_raises_is_not_called_again() -> None:
    calls = []

    def fail() -> None:
        calls.append("fails")
        raise LookupError

    def work() -> None:
        with committed():
            transaction.on_commit(fail)
            transaction.on_commit(lambda: calls.append("late"))  # as in Django: not after an error

    with capture(execute=True):
        with pytest.raises(LookupError):
            work()
        transaction.on_commit(lambda: calls.append("own"))
    assert calls == ["fails", "own"]
