"""Where a list that is read from its newest entry on begins, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pandabase_django.api.schemas import Page
from pandabase_django.services.sync.readings.known import (
    REMEMBERED,
    Known,
    ends_in,
    from_the_newest,
    numbers_from_the_newest,
    status_of,
)

AT = datetime(2026, 11, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Entry:
    id: str
    created_at: datetime | None = None
    status: str | None = None


def page(*days: int | None, total_pages: int = 3) -> Page[Any]:
    """A page of entries, each made so many days after the first of November."""
    items = tuple(
        Entry(f"ref_{number}", None if day is None else AT + timedelta(days=day))
        for number, day in enumerate(days)
    )
    return Page(items, 1, 100, 300, total_pages, len(items))


@pytest.mark.parametrize(
    ("days", "oldest_first"),
    [
        ((1, 2, 3), True),
        ((3, 2, 1), False),
        ((2, 2), False),  # then it is as it was asked for
        ((1,), False),
        ((), False),
        ((None, 1, None, 2), True),
        ((2, None, 1), False),
    ],
)
def test_the_times_of_a_page_tell_where_the_newest_entries_are(
    days: tuple[int | None, ...], oldest_first: bool
) -> None:
    first = page(*days)
    assert numbers_from_the_newest(first) == ([3, 2, 1] if oldest_first else [1, 2, 3])
    items = list(first.items)
    assert list(from_the_newest(first)) == (items[::-1] if oldest_first else items)


@pytest.mark.parametrize("total_pages", [0, 1])
def test_a_list_has_a_first_page_though_it_says_that_it_has_none(total_pages: int) -> None:
    assert numbers_from_the_newest(page(total_pages=total_pages)) == [1]


def test_a_page_ends_in_what_is_known_by_its_last_entry() -> None:
    entries = [Entry("new"), Entry("known")]
    assert ends_in(entries, {"known": ""})
    # A date in the far future keeps an entry that is known above new ones.
    assert not ends_in(entries, {"new": ""})
    assert not ends_in([], {"known": ""})


def test_an_entry_without_a_status_has_an_empty_one() -> None:
    assert status_of(Entry("ref_1", status="PENDING")) == "PENDING"
    assert status_of(Entry("ref_1")) == ""
    assert status_of(object()) == ""


def test_only_the_newest_entries_are_remembered() -> None:
    known = Known()
    known.note_newest({f"ref_{number}": "" for number in range(REMEMBERED + 1)})
    assert list(known.recent) == [f"ref_{number}" for number in range(REMEMBERED)]
