"""What is known of a list that is read from its newest entry on, and how its pages are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.schemas import Page
from pandabase_django.services.sync.run.checkpoints import Checkpoint

__all__ = [
    "Known",
    "Unread",
    "ends_in",
    "from_the_newest",
    "numbers_from_the_newest",
    "status_of",
]

REMEMBERED = 200  # newest ids of a list; two pages, for those that become visible late


@dataclass(slots=True)
class Unread:
    """Where a reading stopped that has not come down to known entries yet.

    Attributes:
        received: How many entries above that place were read; entries that are new since only
            push it further down.
        known: The entries it is to come down to: statuses by id.
        silent: Nothing becomes due by what is below: what it belongs to was read later.
    """

    received: int
    known: dict[str, str]
    silent: bool = False


@dataclass(slots=True)
class Known(Checkpoint):
    """What is known of one list.

    Attributes:
        recent: Statuses of the newest entries by id, newest first. Empty reads the whole list.
        undecided: The entries that may still come to another end, with what they belong to.
        closed: The list refused at the last look.
        unread: What lies below the newest entries and was not read yet, if anything.
        turn: How many older pages this round of them has read again.
    """

    reading: ClassVar[str] = "newest"
    recent: dict[str, str] = field(default_factory=dict)
    undecided: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    unread: Unread | None = None
    turn: int = 0

    def note_newest(self, entries: Mapping[str, str]) -> None:
        """Keep the first of these as the newest ones."""
        self.recent = dict(list(entries.items())[:REMEMBERED])


def numbers_from_the_newest(first: Page[Any]) -> list[int]:
    """The numbers of all pages, that of the newest entries first."""
    numbers = list(range(1, max(1, first.total_pages) + 1))
    return numbers[::-1] if _oldest_first(first.items) else numbers


def from_the_newest(page: Page[Any]) -> Sequence[Any]:
    """A page's entries, the newest first."""
    return page.items[::-1] if _oldest_first(page.items) else page.items


def status_of(item: Any) -> str:
    """An entry's status, as far as it has one."""
    return getattr(item, "status", None) or ""


def _oldest_first(items: Sequence[Any]) -> bool:
    times: list[datetime] = [item.created_at for item in items if item.created_at]
    return len(times) > 1 and times[0] < times[-1]


def ends_in(entries: Sequence[Any], known: Mapping[str, str]) -> bool:
    """Whether what follows is known. One date in the far future keeps its entry above new ones."""
    return bool(entries) and entries[-1].id in known
