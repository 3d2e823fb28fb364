"""Lists that are arithmetic except for what changed.

The seeded part of a list is a :class:`Selection`; what a run changed leaves it (``removed``) or
joins it at its own place in time (``extras``). Any page is then found in a few steps, whatever
the length of the list.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pandabase_django.sandbox.seed.lifecycle import Selection

__all__ = ["Extra", "Sequence", "shuffled_window"]


@dataclass(frozen=True, order=True)
class Extra:
    """A member that arithmetic does not know: its place in time and its index."""

    seeded_before: int
    """How many seeded orders, of whatever status, come before it."""
    sort_ms: int
    index: int


class Sequence:
    """Indexes in ascending order of creation."""

    def __init__(self, selection: Selection, *, removed: list[int], extras: list[Extra]) -> None:
        """Combine a selection with changes.

        Args:
            selection: The seeded members.
            removed: Seeded members (indexes) that are in the list no more.
            extras: Members to insert.
        """
        self._selection = selection
        ranks = sorted(selection.rank_of(index) for index in removed)
        # Rank r of the kept members is rank r + k of all, k being how many removed precede it.
        self._removed_offsets = [rank - place for place, rank in enumerate(ranks)]
        ordered = sorted(extras)
        self._extras = [extra.index for extra in ordered]
        self._positions = []
        for place, extra in enumerate(ordered):
            rank = selection.rank_of(extra.seeded_before)
            self._positions.append(rank - bisect_left(ranks, rank) + place)
        self.count = selection.count - len(ranks) + len(ordered)

    def at(self, position: int) -> int:
        """The index of the member at a position (0 is the oldest)."""
        place = bisect_left(self._positions, position)
        if place < len(self._positions) and self._positions[place] == position:
            return self._extras[place]
        kept_rank = position - place
        return self._selection.at(kept_rank + bisect_right(self._removed_offsets, kept_rank))

    def window(self, start: int, stop: int, *, newest_first: bool) -> Iterator[int]:
        """Indexes of the members from ``start`` up to ``stop``, counted from the wanted end."""
        for position in range(start, min(stop, self.count)):
            yield self.at(self.count - 1 - position if newest_first else position)


def shuffled_window(indexes: Iterable[int], start: int, stop: int, *, key: object) -> list[int]:
    """A part of these members, in an order that the key decides."""
    members = list(indexes)
    random.Random(repr(key)).shuffle(members)
    return members[start:stop]
