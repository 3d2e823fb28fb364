"""Closes a month: a pure function over what ``reading`` has read, which asks nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pandabase_django.services.books.balance import balance_after, prove
from pandabase_django.services.books.material import Entry, Material, Reason
from pandabase_django.services.books.month import Month
from pandabase_django.services.books.ties import OPENING, Difference, Tied, Ties

__all__ = ["Closing", "Line", "Total", "close"]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the month.

    Attributes:
        entry: The entry.
        expected_minor: The balance that it must show; None where nothing says.
        tied: What it belongs to.
        differences: What is wrong with it.
    """

    entry: Entry
    expected_minor: int | None
    tied: Tied
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Total:
    """One currency of the month, in minor units.

    Attributes:
        currency: "" when the store's is not known.
        opening_minor: The balance before the month; None when it is not known.
        closing_minor: The balance that the last entry shows.
        moved_minor: All amounts together.
        by_type: Amounts of each type of entry.
        counts: Number of entries of each type.
    """

    currency: str
    opening_minor: int | None
    closing_minor: int | None
    moved_minor: int
    by_type: Mapping[str, int]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing a month came to.

    Attributes:
        store_id: The store.
        month: The month, in UTC.
        lines: Its entries, in the order in which they add up.
        totals: By currency.
        differences: All of them, also of what has no entry.
        reasons: What is missing here; with one of them, nothing is said to be equal.
    """

    store_id: str
    month: Month
    lines: Sequence[Line]
    totals: Sequence[Total]
    differences: Sequence[Difference]
    reasons: Sequence[Reason]

    @property
    def state(self) -> str:
        """``EQUAL``, ``DIFFERENT`` or ``INCOMPLETE``, as an audit has them."""
        if self.differences:
            return "DIFFERENT"
        return "INCOMPLETE" if self.reasons else "EQUAL"

    @property
    def untied(self) -> int:
        """How many entries belong to no order and no payout that is known here."""
        return sum(not line.tied.is_tied and line.entry.type != OPENING for line in self.lines)


def close(material: Material) -> Closing:
    """Prove the balance of each currency, and tie each entry to what it belongs to."""
    ties = Ties(material)
    wrong: dict[str, list[Difference]] = defaultdict(list)
    for difference in ties.differences:
        wrong[difference.entry_id].append(difference)
    lines: list[Line] = []
    totals: list[Total] = []
    for currency in sorted({entry.currency for entry in material.entries}):
        entries = [entry for entry in material.entries if entry.currency == currency]
        before = [entry for entry in material.before if entry.currency == currency]
        opening = balance_after(before, entries)
        if not before and not material.has_gaps:
            opening = 0  # the ledger has every movement there ever was (P-54)
        proved = prove(entries, opening)
        for entry, expected in proved:
            expected = None if material.has_gaps else expected
            found = [*_of_the_balance(entry, expected), *wrong[entry.id]]
            tied = ties.tied.get(entry.id, Tied())
            lines.append(Line(entry, expected, tied, found))
        totals.append(_total(currency, opening, [entry for entry, _ in proved]))
    differences = [difference for line in lines for difference in line.differences]
    return Closing(
        store_id=material.store_id,
        month=material.month,
        lines=lines,
        totals=totals,
        differences=[*differences, *wrong[""]],
        reasons=[*material.reasons, *_awaited(material, ties)],
    )


def _awaited(material: Material, ties: Ties) -> list[Reason]:
    """What the ledger may have by now, and was read too early for."""
    return [Reason("too old", "ledger", at=material.ledger_read_at)] if ties.awaits_ledger else []


def _of_the_balance(entry: Entry, expected: int | None) -> list[Difference]:
    if entry.amount_minor is None or entry.balance_minor is None:
        return [Difference("unreadable", entry_id=entry.id, currency=entry.currency)]
    if expected is None or expected == entry.balance_minor:
        return []
    return [
        Difference(
            "balance",
            entry_id=entry.id,
            expected=(expected,),
            found=entry.balance_minor,
            currency=entry.currency,
        )
    ]


def _total(currency: str, opening: int | None, entries: Sequence[Entry]) -> Total:
    by_type: Counter[str] = Counter()
    for entry in entries:
        by_type[entry.type] += entry.amount_minor or 0
    return Total(
        currency=currency,
        opening_minor=opening,
        closing_minor=entries[-1].balance_minor,
        moved_minor=sum(by_type.values()),
        by_type=dict(sorted(by_type.items())),
        counts=dict(sorted(Counter(entry.type for entry in entries).items())),
    )
