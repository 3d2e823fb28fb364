"""Erases a person: from now on nothing of them is written, and what is here is emptied.

Ids, states, amounts and times stay, so audits and closings say what they said, and access that was
bought stays with its user. Hashes are kept first, so a sync that runs meanwhile brings nothing
back; rows follow in small transactions. Who is stopped in the middle erases again: it changes
nothing twice. Until the end the address is kept, sealed, so that a worker can go on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Model, QuerySet
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.database.pace import Pace
from pandabase_django.models import Erasure, Store
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.erasures.addresses import normal_address
from pandabase_django.services.erasures.hashes import ErasureEnded, forget_hashes, remember
from pandabase_django.services.people.emptying import (
    ROWS_PER_TRANSACTION,
    erase_mentions,
    erase_rows,
)
from pandabase_django.services.people.finding import Person, erased_before, find_person
from pandabase_django.services.people.history import clean_history
from pandabase_django.services.people.mentions import models_of_the_app

__all__ = ["carry_out", "erase_person", "lift_erasure", "open_erasures", "recorded"]

logger = get_logger(__name__)

MOST_ROUNDS = 10
# Longer than any look through a whole table: nobody renews the claim meanwhile.
CLAIM = timedelta(minutes=30)
AGAIN_AFTER = timedelta(minutes=1)
AGAIN_AFTER_AT_MOST = timedelta(hours=6)
NOTED_EACH_SECONDS = 1.0

Progress = Callable[[str, int], None]


def recorded(store: Store, address: str, *, source: Erasure.Source, user: Any = None) -> Erasure:
    """The row of an erasure that is to be done: a new one, or the one that is not done yet.

    Raises:
        ValueError: That is no e-mail address.
        SealError: There is no encryption key, or it does not open the address of another one.
    """
    if not normal_address(address):
        raise ValueError("That is no e-mail address.")
    with transaction.atomic():
        if (found := next(open_erasures(store, address), None)) is not None:
            return found
        made = Erasure.objects.create(
            store=store, source=source, user=user, next_attempt_at=timezone.now()
        )
        made.address = Secret(address)  # sealed for this row, which has its number only now
        made.save(update_fields=["address"])
    return made


def erase_person(
    store: Store,
    address: str,
    *,
    source: Erasure.Source,
    user: Any = None,
    on_progress: Progress = lambda kind, rows: None,
) -> Erasure:
    """Erase a person from a store, here and now; call it outside of transactions.

    One that is stopped is completed by the schedule's sweeper, or by erasing the person again.

    Args:
        store: The store.
        address: The person's e-mail address. It is kept nowhere once this is done.
        source: What started it.
        user: Who did.
        on_progress: Called with a kind of row and how many of it were changed so far.

    Returns:
        The record: who, when, and how many rows of each kind were changed.

    Raises:
        ValueError: That is no e-mail address.
        SealError: The key of the hashes can't be opened, or there is no encryption key.
    """
    erasure = recorded(store, address, source=source, user=user)
    Erasure.objects.filter(pk=erasure.pk).update(next_attempt_at=timezone.now() + CLAIM)
    _erase(erasure, lambda: address, on_progress)
    erasure.refresh_from_db()
    return erasure


def carry_out(erasure_id: int, *, now: datetime | None = None) -> Erasure | None:
    """Do what was recorded, unless another worker has it or it is done.

    Args:
        erasure_id: Which erasure.
        now: The time.

    Returns:
        The record; None when there was nothing to do.

    Raises:
        SealError: The address or the key of the hashes can't be opened.
    """
    now = now or timezone.now()
    due = Erasure.objects.filter(pk=erasure_id, finished_at=None, next_attempt_at__lte=now)
    if not due.update(next_attempt_at=now + CLAIM, enqueued_at=None):
        return None
    erasure = Erasure.objects.select_related("store").get(pk=erasure_id)
    if erasure.address is None:
        return None
    _erase(erasure, erasure.address.reveal, lambda kind, rows: None)
    erasure.refresh_from_db()
    return erasure


def lift_erasure(store: Store, address: str) -> int:
    """Let the person be mirrored again, such as one who came back. Returns how many hashes went.

    What the remote still has comes with the next full sync.

    Raises:
        SealError: Somebody was erased, and nobody can be known again.
    """
    for erasure in open_erasures(store, address):
        _finish(erasure)
    return forget_hashes(store.pk, address)


def open_erasures(store: Store, address: str) -> Iterator[Erasure]:
    """Erasures of a person that wait, or are under way.

    Raises:
        SealError: An address can't be opened.
    """
    rows = Erasure.objects.filter(store=store, finished_at=None, address__isnull=False)
    for erasure in rows.order_by("pk"):
        if normal_address(erasure.address.reveal()) == normal_address(address):
            yield erasure


def _finish(erasure: Erasure, **values: Any) -> int:
    rows = Erasure.objects.filter(pk=erasure.pk, finished_at=None)
    values |= {"finished_at": timezone.now(), "address": None, "next_attempt_at": None}
    return rows.update(**values)


class _Course:
    """How far an erasure is; its row says so each second, which renews the claim."""

    def __init__(self, erasure: Erasure, on_progress: Progress) -> None:
        self.counts: Counter[str] = Counter(erasure.counts)
        self.done = 0
        self.of = 0
        self.begun_at = erasure.begun_at
        self._erasure = erasure
        self._on_progress = on_progress
        self._noted_at = 0.0
        self._pace = Pace()

    def moved(self, kind: str, changed: int, *, looked_at: int = 0) -> None:
        self.counts[kind] += changed
        self.done += looked_at
        self._on_progress(kind, self.counts[kind])
        if time.monotonic() - self._noted_at >= NOTED_EACH_SECONDS:
            self.note()
        self._pace.rest()

    def note(self) -> None:
        if not self.open_rows.update(
            counts=self.changed,
            rows_done=self.done,
            rows_found=max(self.of, self.done),
            next_attempt_at=timezone.now() + CLAIM,
        ):
            raise ErasureEnded
        self._noted_at = time.monotonic()

    @property
    def open_rows(self) -> QuerySet[Erasure]:
        return Erasure.objects.filter(pk=self._erasure.pk, finished_at=None)

    @property
    def changed(self) -> dict[str, int]:
        return {name: count for name, count in sorted(self.counts.items()) if count}


def _erase(erasure: Erasure, reveal: Callable[[], str], on_progress: Progress) -> None:
    course = _Course(erasure, on_progress)
    try:
        with _given_back(course):
            address = reveal()
            person = _erase_own(erasure, address, course)
            for model in models_of_the_app():
                course.moved(model.__name__, erase_mentions(erasure.store, model, address))
            course.counts["LogEntry"] += clean_history(person)
    except ErasureEnded:
        return
    _finish(erasure, counts=course.changed, rows_done=course.done, rows_found=course.done)
    total = course.counts.total()
    logger.info(
        "Erasure %s of %s changed %s rows.",
        erasure.pk,
        erasure.store_id,
        total,
        extra=facts(store=erasure.store_id),
    )


def _erase_own(erasure: Erasure, address: str, course: _Course) -> Person:
    store = erasure.store
    # Of an erasure that was stopped: what it has emptied leads to the rest no more.
    earlier = erased_before(store, address)
    # First, so that only rows that are here already name the person from now on.
    remember(erasure, address, ids=())
    done: dict[type[Model], set[Any]] = {}
    for _ in range(MOST_ROUNDS):
        person = find_person(store, address, also=earlier)
        # What names one of these ids alone may have come until now: it is found in a next round.
        news = remember(erasure, address, ids=person.ids)
        left = {
            model: [pk for pk in pks if pk not in done.get(model, ())]
            for model, pks in person.rows.items()
        }
        course.of = course.done + sum(map(len, left.values()))
        course.note()
        for model, pks in left.items():
            for start in range(0, len(pks), ROWS_PER_TRANSACTION):
                part = pks[start : start + ROWS_PER_TRANSACTION]
                course.moved(model.__name__, erase_rows(model, part), looked_at=len(part))
            done.setdefault(model, set()).update(pks)
        if not news and not any(left.values()):
            break
    return person


@contextmanager
def _given_back(course: _Course) -> Iterator[None]:
    """Whatever stops it: another worker may go on soon, and later the longer it has lasted."""
    try:
        yield
    except ErasureEnded:
        raise
    except BaseException:
        now = timezone.now()
        wait = max(AGAIN_AFTER, (now - course.begun_at) / 10)
        with suppress(DatabaseError):
            course.open_rows.update(
                counts=course.changed,
                next_attempt_at=now + min(wait, AGAIN_AFTER_AT_MOST),
                enqueued_at=None,
            )
        raise
