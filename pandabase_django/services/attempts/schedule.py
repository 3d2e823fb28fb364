"""When a failed attempt is repeated, when it is given up, and what is kept of why.

A row that is worked on by attempts has the columns ``state`` (PENDING, DEAD or others of its own),
``attempts``, ``next_attempt_at``, ``enqueued_at``, ``finished_at`` and ``last_error``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from pandabase_django.api.masking import mask
from pandabase_django.exceptions import SealError, interruptions
from pandabase_django.printable import printable
from pandabase_django.services.erasures.addresses import with_addresses_replaced
from pandabase_django.services.erasures.hashes import (
    hold_off_erasures,
    is_erased,
    without_erased_addresses,
)
from pandabase_django.services.erasures.scrubbing import ERASED

__all__ = [
    "ALONE_AFTER",
    "BACKOFF",
    "MAX_ATTEMPTS",
    "Processed",
    "Trouble",
    "give_up",
    "note_trouble",
    "words_of",
]

# Waits after the 1st to 7th failure; about 20 hours in all, then the row is a dead letter.
BACKOFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(BACKOFF) + 1
# A worker that was killed each time leaves all that it had claimed, and one of them did it. After
# so many attempts each is made alone, and a neighbour has some left for troubles of its own.
ALONE_AFTER = MAX_ATTEMPTS - 3
MAX_ERROR_CHARACTERS = 500
MAX_WORDS_CHARACTERS = 200  # of one exception


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of rows that were claimed together.

    Attributes:
        finished: Nothing is left to do.
        failed: Will be tried again.
        dead: Were tried for the last time.
        retry_after_seconds: When the first of the failed is due; None when none failed.
    """

    finished: int = 0
    failed: int = 0
    dead: int = 0
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt failed.

    Attributes:
        text: For a person; without credentials.
        raised: Names of handlers that raised, each with what it said; they follow the text.
        retry_after: The remote asks for at least so long a wait.
        final: No later attempt can end otherwise.
        limited: Only a limit was in the way: the attempt does not count.
    """

    text: str
    raised: Sequence[tuple[str, str]] = ()
    retry_after: timedelta = timedelta(0)
    final: bool = False
    limited: bool = False

    def kept(self, store_id: str, named: Iterable[tuple[str, str]]) -> str:
        """What may be kept and logged of it; call it in the transaction that writes it.

        Of an erased person nothing that a handler said, and nobody's erased address. No erasure
        begins until the end of the transaction.

        Args:
            store_id: Whose.
            named: By what the row names a person, see ``is_erased``.
        """
        hold_off_erasures()
        try:
            of_erased = is_erased(store_id, named)
            return without_erased_addresses(store_id, self._words(of_erased), joined=True)
        except SealError:  # nobody can be known again, so nothing of anybody is kept
            return with_addresses_replaced(
                self._words(True), ERASED, is_theirs=lambda _: True, joined=True
            )

    def _words(self, of_erased: bool) -> str:
        said = (f"{name} ({ERASED if of_erased else it})" for name, it in self.raised)
        return self.text + ", ".join(said)


def note_trouble(
    mine: QuerySet[Any], trouble: Trouble, kept: str, *, attempts: int, now: datetime
) -> timedelta | None:
    """Write that an attempt failed: the wait until the next one, None when it was the last.

    Args:
        mine: The row, as far as it is still this worker's.
        trouble: What was wrong.
        kept: What is kept of it.
        attempts: How often it was tried, this time included.
        now: The time.

    Raises:
        LookupError: Another worker has the row by now, and its attempt counts.
    """
    error = kept[:MAX_ERROR_CHARACTERS]
    if trouble.limited:
        wait = max(BACKOFF[0], trouble.retry_after)
        columns: dict[str, Any] = {"next_attempt_at": now + wait, "attempts": attempts - 1}
        rows = mine.update(enqueued_at=None, last_error=error, **columns)
    elif trouble.final or attempts >= MAX_ATTEMPTS:
        rows = give_up(mine, error, now=now)
        wait = None
    else:
        wait = max(BACKOFF[attempts - 1], trouble.retry_after)
        rows = mine.update(next_attempt_at=now + wait, enqueued_at=None, last_error=error)
    if not rows:
        raise LookupError
    return wait


def give_up(mine: QuerySet[Any], error: str, *, now: datetime) -> int:
    """Make it a dead letter. Returns how many rows that were."""
    return mine.update(state="DEAD", finished_at=now, next_attempt_at=None, last_error=error)


def words_of(error: Exception) -> str:
    """What an exception of a shop's code is called and says, without credentials.

    Of its first line alone: in the others a database repeats the values of the row.
    """
    try:
        lines = str(error).strip().splitlines()
    except interruptions():
        raise
    except Exception:  # noqa: BLE001  its own __str__ is the shop's code too
        lines = []
    said = printable(mask(lines[0]))[:MAX_WORDS_CHARACTERS] if lines else ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
