"""A recorded erasure: one worker carries it out, and whatever stops it, another one goes on."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.exceptions import SealError
from pandabase_django.models import ErasedHash, Erasure, Order
from pandabase_django.services.health.checks.people import erasures_are_finished
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.people.erasing import carry_out, erase_person, lift_erasure
from pandabase_django.services.people.queue import ask_for_erasure, due_erasures
from pandabase_django.tasks.broker import Message, held_back
from tests.people.conftest import ADDRESS, Canary, hits

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = Erasure.Source.COMMAND


class Killed(BaseException):
    """Such as a worker's end."""


def ask(canary: Canary) -> Erasure:
    with held_back(lambda message: None):
        return ask_for_erasure(canary.store, ADDRESS, source=COMMAND)


def later(**delta: float) -> Any:
    return timezone.now() + timedelta(**delta)


def test_one_worker_has_it_however_often_the_message_comes(canary: Canary) -> None:
    erasure = ask(canary)
    Erasure.objects.filter(pk=erasure.pk).update(next_attempt_at=later(minutes=29))
    assert carry_out(erasure.pk) is None
    assert tasks.erase_person(erasure.pk) == ""
    assert hits() != []
    assert carry_out(erasure.pk, now=later(minutes=30)) is not None
    assert hits() == []
    assert carry_out(erasure.pk, now=later(hours=2)) is None
    assert tasks.erase_person(erasure.pk + 1) == ""


def test_asked_for_twice_it_is_one_erasure_until_it_is_done(canary: Canary) -> None:
    first = ask(canary)
    again = ask_for_erasure(canary.store, f" {ADDRESS.lower()} ", source=COMMAND)
    assert again.pk == first.pk
    assert erase_person(canary.store, ADDRESS, source=COMMAND).pk == first.pk
    assert erase_person(canary.store, ADDRESS, source=COMMAND).pk != first.pk
    assert ask_for_erasure(canary.store, "bo@example.com", source=COMMAND).pk > first.pk


def test_what_was_stopped_is_swept_up_and_completed(canary: Canary) -> None:
    def stop(kind: str, rows: int) -> None:
        if kind == "Purchase":
            raise Killed

    with pytest.raises(Killed):
        erase_person(canary.store, ADDRESS, source=COMMAND, on_progress=stop)
    assert hits() != []
    assert due_erasures() == []  # whoever was stopped may go on by hand, for a minute
    messages: list[Message] = []
    Erasure.objects.update(next_attempt_at=timezone.now())
    with held_back(messages.append):
        assert tasks.sweep_erasures() == 1
        assert tasks.sweep_erasures() == 0  # its message is on its way
    for message in messages:
        message.task(*message.args)
    assert hits() == []
    erasure = Erasure.objects.get()
    assert erasure.finished_at is not None
    # What was changed before it was stopped counts.
    assert erasure.counts["Customer"] == 1
    with held_back(messages.append):
        assert tasks.sweep_erasures() == 0


def test_a_lifted_one_ends_wherever_it_is(canary: Canary) -> None:
    erasure = ask(canary)
    assert lift_erasure(canary.store, ADDRESS) == 0
    assert carry_out(erasure.pk, now=later(hours=1)) is None
    assert Order.objects.get(pk=canary.order_id).payload["customer"]["email"] == ADDRESS
    ended = []

    def lift(kind: str, rows: int) -> None:
        if kind == "Customer":
            Erasure.objects.update(finished_at=timezone.now(), address=None)
        ended.append(kind)

    before = Erasure.objects.count()
    erase_person(canary.store, ADDRESS, source=COMMAND, on_progress=lift)
    assert Erasure.objects.count() == before + 1


@pytest.mark.parametrize("at", ["Customer", "Order", "OrderItem", "LedgerEntry"])
def test_who_is_lifted_while_a_worker_erases_is_known_as_nobody(canary: Canary, at: str) -> None:
    seen: list[str] = []

    def lift(kind: str, rows: int) -> None:
        if kind == at and at not in seen:
            lift_erasure(canary.store, ADDRESS)
        seen.append(kind)

    erase_person(canary.store, ADDRESS, source=COMMAND, on_progress=lift)
    assert at in seen
    assert not ErasedHash.objects.exists()
    assert Erasure.objects.get().finished_at is not None


def test_one_that_waits_is_lifted_by_the_command(canary: Canary) -> None:
    erasure = ask(canary)
    out = StringIO()
    call_command("pandabase_person", "--email", ADDRESS, "--lift", stdout=out)
    assert "The erasure is lifted." in out.getvalue()
    erasure.refresh_from_db()
    assert (erasure.finished_at is None, erasure.address) == (False, None)


def test_what_fails_again_and_again_is_tried_less_often_and_reported(canary: Canary) -> None:
    erasure = ask(canary)
    Erasure.objects.update(begun_at=later(hours=-10))
    other = "pbk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    with override_settings(PANDABASE={"ENCRYPTION_KEYS": [other]}):
        assert tasks.erase_person(erasure.pk) == ""
    erasure.refresh_from_db()
    assert later(minutes=55) < erasure.next_attempt_at < later(minutes=65)
    # A worker that is killed each time leaves its claim; it is reported all the same.
    Erasure.objects.update(next_attempt_at=later(minutes=29))
    assert codes() == ["erasure_unfinished"]


def test_without_its_key_it_waits_and_is_reported(canary: Canary) -> None:
    erasure = ask(canary)
    other = "pbk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    with override_settings(PANDABASE={"ENCRYPTION_KEYS": [other]}):
        assert tasks.erase_person(erasure.pk) == ""
        with pytest.raises(SealError):
            ask_for_erasure(canary.store, ADDRESS, source=COMMAND)
    assert not ErasedHash.objects.exists()
    erasure.refresh_from_db()
    assert timezone.now() < erasure.next_attempt_at < later(minutes=2)
    Erasure.objects.update(begun_at=later(minutes=-11))
    assert codes() == ["erasure_unfinished"]
    Erasure.objects.update(next_attempt_at=later(minutes=29))
    assert codes() == []
    assert carry_out(erasure.pk, now=later(hours=1)) is not None
    assert codes() == []


def codes() -> list[str]:
    return [finding.code for finding in erasures_are_finished(Situation())]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_two_workers_at_once_leave_nothing(canary: Canary) -> None:
    """Such as one whose claim ran out while it still works."""
    erasure = ask(canary)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            erase_person(canary.store, ADDRESS, source=COMMAND)
        except BaseException as error:  # noqa: BLE001  shown by the assertion
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert hits() == []
    assert Erasure.objects.exclude(finished_at=None).filter(pk=erasure.pk).exists()
