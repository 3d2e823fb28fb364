"""Databases as they once were, put back at once: what many seeds have in common is made once.

On SQLite the copy of a whole database costs a millisecond; pytest-django's flush, which makes all
permissions anew, costs thirty. Elsewhere nothing is kept and the flush it is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Hashable, Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from pandabase_django.models import Store

__all__ = ["Moments", "moments", "transactional_db"]

MAX_AGE_SECONDS = 60.0
"""An older moment is made anew: for the sync a run of minutes ago and one of now are the same."""

EMPTY = "empty"


class Moments:
    """The kept states of the test database.

    Args:
        possible: Whether databases can be copied here.
    """

    def __init__(self, *, possible: bool) -> None:
        self.possible = possible
        self._kept: dict[Hashable, tuple[float, sqlite3.Connection]] = {}

    def keep(self, name: Hashable) -> None:
        """Remember the database as it is now."""
        if self.possible:
            self._forget(name)
            copy = sqlite3.connect(":memory:")
            _connection().backup(copy)
            self._kept[name] = (time.monotonic(), copy)

    def put_back(self, name: Hashable, *, max_age_seconds: float = MAX_AGE_SECONDS) -> bool:
        """Make the database what it was; False when that is not known, or too long ago."""
        kept_at, copy = self._kept.get(name, (0.0, None))
        if copy is None or time.monotonic() - kept_at > max_age_seconds:
            return False
        copy.backup(_connection())
        return True

    def empty(self) -> None:
        """Make the database what it was before the first test."""
        if self.possible:
            self.put_back(EMPTY, max_age_seconds=float("inf"))
        elif Store.objects.exists():
            call_command("flush", verbosity=0, interactive=False)

    def close(self) -> None:
        """Forget everything."""
        for name in list(self._kept):
            self._forget(name)

    def _forget(self, name: Hashable) -> None:
        _, copy = self._kept.pop(name, (0.0, None))
        if copy is not None:
            copy.close()


def _connection() -> sqlite3.Connection:
    connection.ensure_connection()
    assert not connection.in_atomic_block
    return connection.connection


@pytest.fixture(scope="session")
def moments(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Moments]:
    """What is kept of this process's database; empty at first."""
    possible = connection.vendor == "sqlite"
    with django_db_blocker.unblock():
        kept = Moments(possible=possible)
        kept.keep(EMPTY)
    yield kept
    kept.close()


@pytest.fixture
def transactional_db(
    moments: Moments, request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """As pytest-django's of this name, but put back instead of flushed where that is possible."""
    if not moments.possible:
        request.getfixturevalue("transactional_db")
        yield
        return
    with django_db_blocker.unblock():
        yield
        moments.empty()
