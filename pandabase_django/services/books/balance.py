"""Proves a running balance entry by entry: the balance before and the amount make the one after.

Entries of one moment have no order of their own: times are all that the list shows. They are put
into an order in which they add up, if there is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from pandabase_django.services.books.material import Entry

__all__ = ["balance_after", "prove"]

ONE_MOMENT = timedelta(seconds=1)


def prove(entries: Iterable[Entry], opening: int | None) -> list[tuple[Entry, int | None]]:
    """The entries in order, each with the balance that it must show.

    A balance that is wrong is one difference: what follows may go on from it or from what it must
    have been.

    Args:
        entries: Of one currency.
        opening: The balance before them; None when it is not known.

    Returns:
        The expected balance is None where nothing says what it must be.
    """
    proved: list[tuple[Entry, int | None]] = []
    expected = found = opening
    for moment in _moments(entries):
        for entry in _in_order(moment, expected, found):
            begins = _begins(entry)
            before = found if begins != expected or expected is None else expected
            amount = entry.amount_minor
            expected = None if before is None or amount is None else before + amount
            proved.append((entry, expected))
            found = entry.balance_minor if entry.balance_minor is not None else expected
            expected = found if expected is None else expected
    return proved


def balance_after(entries: Sequence[Entry], following: Sequence[Entry]) -> int | None:
    """The balance after the last of these entries; None when there is none that shows one.

    Args:
        entries: The newest ones before a moment, of one currency.
        following: Those after it: of several possible ends the one that they go on from counts.
    """
    last = list(_moments(entries))[-1:]
    readable = [entry for entry in last[0] if entry.balance_minor is not None] if last else []
    if not readable:
        return None
    begun = [_begins(entry) for entry in readable]
    ended = [entry.balance_minor for entry in readable]
    ends = [at for at in ended if ended.count(at) > begun.count(at)] or ended
    wanted = {_begins(entry) for moment in list(_moments(following))[:1] for entry in moment}
    return next((at for at in ends if at in wanted), ends[-1])


def _moments(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries that follow each other at once, by time."""
    moment: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.created_at, entry.id)):
        if moment and entry.created_at - moment[-1].created_at >= ONE_MOMENT:
            yield moment
            moment = []
        moment.append(entry)
    if moment:
        yield moment


def _begins(entry: Entry) -> int | None:
    """The balance before an entry, by what it shows itself."""
    if entry.amount_minor is None or entry.balance_minor is None:
        return None
    return entry.balance_minor - entry.amount_minor


def _in_order(moment: list[Entry], expected: int | None, found: int | None) -> Iterator[Entry]:
    if len(moment) == 1 or any(_begins(entry) is None for entry in moment):
        yield from moment
        return
    for start in dict.fromkeys((found, expected)):
        if start is not None and (trail := _trail(moment, start)):
            yield from trail
            return
    yield from _as_far_as_it_goes(moment, found if found is not None else expected)


def _trail(moment: list[Entry], start: int) -> list[Entry]:
    """All entries one after the other from a balance on; none when there is no such order.

    Entries lead from balance to balance, so this is Hierholzer's walk over each of them once.
    """
    leaving: dict[int | None, list[Entry]] = defaultdict(list)
    for entry in reversed(moment):
        leaving[_begins(entry)].append(entry)
    way: list[tuple[int | None, Entry | None]] = [(start, None)]
    trail: list[Entry] = []
    while way:
        at, by = way[-1]
        if leaving[at]:
            entry = leaving[at].pop()
            way.append((entry.balance_minor, entry))
        else:
            way.pop()
            if by is not None:
                trail.append(by)
    trail.reverse()
    at = start
    for entry in trail:
        if _begins(entry) != at:
            return []
        at = entry.balance_minor
    return trail if len(trail) == len(moment) else []


def _as_far_as_it_goes(moment: list[Entry], at: int | None) -> Iterator[Entry]:
    """Each entry that goes on from the one before, as it is or as it must have been."""
    waiting: dict[int | None, list[Entry]] = defaultdict(list)
    for entry in moment:
        waiting[_begins(entry)].append(entry)
    found = expected = at
    while any(waiting.values()):
        begins = next((start for start in (found, expected) if waiting[start]), None)
        if begins is None:
            entry = _next_at_a_break(found, waiting)
        else:
            found, entry = begins, waiting[begins][0]
        waiting[_begins(entry)].remove(entry)
        yield entry
        for again in [other for other in waiting[_begins(entry)] if _is_repeated(other, entry)]:
            waiting[_begins(entry)].remove(again)
            yield again
        expected = (found or 0) + (entry.amount_minor or 0)
        found = entry.balance_minor


def _next_at_a_break(at: int | None, waiting: dict[int | None, list[Entry]]) -> Entry:
    """One that another goes on from, if its balance is wrong; else one that goes on from none."""
    left = [entry for entries in waiting.values() for entry in entries]
    starts = {start for start, entries in waiting.items() if entries}
    ends = {entry.balance_minor for entry in left}
    mended = [entry for entry in left if (at or 0) + (entry.amount_minor or 0) in starts]
    return [*mended, *(entry for entry in left if _begins(entry) not in ends), *left][0]


def _is_repeated(one: Entry, other: Entry) -> bool:
    def shown(entry: Entry) -> tuple[object, ...]:
        return entry.type, entry.reference_id, entry.amount_minor, entry.balance_minor

    return shown(one) == shown(other)
