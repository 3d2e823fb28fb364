"""A running balance is proved entry by entry, also where nothing shows the order of entries."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest

from pandabase_django.services.books.balance import balance_after, prove
from pandabase_django.services.books.material import Entry
from pandabase_django.services.books.month import Month

NOON = datetime(2026, 10, 1, 12, tzinfo=timezone.utc)


def booked(amounts: list[int], *, opening: int = 0, apart: float = 60) -> list[Entry]:
    """Entries as a remote books them, with ids that say nothing of their order."""
    entries, balance = [], opening
    for number, amount in enumerate(amounts):
        balance += amount
        at = NOON + timedelta(seconds=number * apart)
        entries.append(Entry(f"ble_{(number * 7919) % 9973}", "X", amount, balance, "USD", "", at))
    return entries


def wrong(
    entries: list[Entry], opening: int | None = 0
) -> list[tuple[str, int | None, int | None]]:
    return [
        (entry.id, expected, entry.balance_minor)
        for entry, expected in prove(entries, opening)
        if expected != entry.balance_minor
    ]


def changed(entry: Entry, **values: object) -> Entry:
    fields = {name: getattr(entry, name) for name in Entry.__slots__}
    return Entry(**{**fields, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(40))
def test_a_ledger_adds_up_in_whatever_order_its_entries_came(seed: int) -> None:
    dice = random.Random(seed)
    # Few amounts, many of them at one moment: the same balances come again and again.
    amounts = [dice.choice([5, -5, 10, 0, -10]) for _ in range(60)]
    entries = booked(amounts, opening=7, apart=dice.choice([0, 0.3, 5]))
    dice.shuffle(entries)
    assert wrong(entries, 7) == []
    assert [entry.balance_minor for entry, _ in prove(entries, 7)][-1] == 7 + sum(amounts)


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_wrong_balance_is_one_difference_and_names_its_entry(place: int) -> None:
    entries = booked([5, 7, -3, 20, 11, 4, -9, 2, 6, 8])
    right = entries[place].balance_minor
    entries[place] = changed(entries[place], balance_minor=999)
    assert wrong(entries) == [(entries[place].id, right, 999)]


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_wrong_amount_is_one_difference(place: int) -> None:
    entries = booked([5, 7, -3, 20, 11, 4, -9, 2, 6, 8])
    amount = entries[place].amount_minor or 0
    entries[place] = changed(entries[place], amount_minor=amount + 1)
    shown = entries[place].balance_minor or 0
    assert wrong(entries) == [(entries[place].id, shown + 1, shown)]


def test_a_missing_entry_is_named_by_the_one_after_it() -> None:
    entries = booked([5, 7, -3, 20])
    assert wrong([*entries[:1], *entries[2:]]) == [(entries[2].id, 5 - 3, 5 + 7 - 3)]


def test_a_repeated_entry_does_not_go_on_from_itself() -> None:
    entries = booked([5, 7, -3])
    again = changed(entries[1], id="ble_again", created_at=NOON + timedelta(seconds=70))
    assert wrong([*entries, again]) == [("ble_again", 19, 12)]


def test_a_wrong_entry_among_those_of_one_moment_is_named() -> None:
    entries = booked([5, 7, -3, 20], apart=0)
    entries[1] = changed(entries[1], balance_minor=13)
    assert [pk for pk, _, _ in wrong(entries)] == [entries[1].id]


@pytest.mark.parametrize("place", [1, 2, 4])
def test_what_is_missing_or_repeated_within_one_moment_is_one_difference(place: int) -> None:
    entries = booked([5, 7, -3, 20, 2, 6], apart=0)
    later = changed(booked([1], opening=37)[0], id="later", created_at=NOON + timedelta(hours=1))
    (missing,) = wrong([*entries[:place], *entries[place + 1 :], later])
    assert missing[0] == [*entries, later][place + 1].id
    again = changed(entries[place], id="again")
    (repeated,) = wrong([*entries, again, later])
    assert repeated[0] in ("again", entries[place].id)


def test_what_cant_be_read_hides_nothing_else() -> None:
    entries = booked([5, 7, -3, 20, 1])
    entries[1] = changed(entries[1], amount_minor=None)
    entries[3] = changed(entries[3], balance_minor=77)
    assert {pk for pk, expected, _ in wrong(entries) if expected is not None} == {entries[3].id}


def test_without_an_opening_balance_the_first_entry_says_it() -> None:
    assert wrong(booked([5, 7], opening=100), None) == [(booked([5])[0].id, None, 105)]


def test_the_balance_before_a_month_is_that_of_the_last_entry() -> None:
    earlier = booked([5, 5, -5, 5], apart=0)
    following = [changed(entry) for entry in booked([3], opening=10)]
    assert balance_after(earlier, following) == 10
    assert balance_after([], following) is None
    # They end where they began: whichever the following entry goes on from.
    circle = booked([5, -5], apart=0, opening=1)
    assert balance_after(circle, booked([3], opening=1)) == 1


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "26-10", "2026-1", "x-10"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="2026-10"):
        Month.of_text(text)


def test_a_month_ends_where_the_next_begins() -> None:
    month = Month.of_text("2026-12")
    assert (str(month), str(month.next)) == ("2026-12", "2027-01")
    assert month.has(month.start)
    assert not month.has(month.end)
    assert not month.has(None)
    east = timezone(timedelta(hours=14))
    assert Month.of_time(datetime(2027, 1, 1, 5, tzinfo=east)) == month
