"""One kind of time-ordered object: seeded by arithmetic, changed by an overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from pandabase_django.sandbox.seed.lifecycle import Lifecycle, Slot
from pandabase_django.sandbox.seed.timeline import Timeline
from pandabase_django.sandbox.store.sequence import Extra, Sequence
from pandabase_django.sandbox.store.shapes import Json, set_path

__all__ = ["DatedRecords", "Record"]


@dataclass
class Record:
    """An object that a run made or touched."""

    payload: Json
    sort_ms: int
    """Place in lists, milliseconds since 1970."""
    order_index: int = -1
    """The order a refund or dispute belongs to; unused for orders themselves."""
    fields: Json = field(default_factory=dict)
    """Values forced upon whatever is shown (dotted paths), since a test asked for them."""
    list_fields: Json = field(default_factory=dict)
    """The same for list items alone."""
    hidden: bool = False
    """Left out of lists; GET by id still answers."""
    removed: bool = False
    """As if it had never been there."""

    def force(self, shown: Json, *, in_list: bool) -> Json:
        """Apply the forced values to a form of this object."""
        for path, value in self.fields.items():
            if not in_list or path.partition(".")[0] in shown:
                set_path(shown, path, value)
        if in_list:
            for path, value in self.list_fields.items():
                set_path(shown, path, value)
        return shown


class DatedRecords:
    """Objects of one kind, at most one seeded object for each seeded order."""

    KEPT: ClassVar[tuple[str, ...]] = ("_overlay",)

    def __init__(
        self,
        *,
        lifecycle: Lifecycle,
        timeline: Timeline,
        member: Callable[[Slot], bool],
        seeded: Callable[[int], Record],
    ) -> None:
        """Describe the kind.

        Args:
            lifecycle: Status pattern of the seeded orders.
            timeline: Creation times of the seeded orders.
            member: Whether an order with this slot has a seeded object of this kind.
            seeded: Computes the record of a seeded index.
        """
        self._lifecycle = lifecycle
        self._timeline = timeline
        self._member = member
        self._seeded = seeded
        self._sequences: dict[str, Sequence] = {}
        self._overlay: dict[int, Record] = {}
        self.version = 0

    @property
    def timeline(self) -> Timeline:
        """Creation times of the seeded orders."""
        return self._timeline

    def slot(self, index: int) -> Slot | None:
        """What the pattern says of a seeded object; None for one made at run time."""
        if not 0 <= index < self._lifecycle.total:
            return None
        slot = self._lifecycle.slot(index)
        return slot if self._member(slot) else None

    def touched(self, index: int) -> Record | None:
        """The overlay's record; None for an object that is as it was seeded."""
        return self._overlay.get(index)

    def find(self, index: int) -> Record | None:
        """Any object, seeded or touched; None when there is none. Not for changing."""
        record = self._overlay.get(index)
        if record is None:
            return None if self.slot(index) is None else self._seeded(index)
        return None if record.removed else record

    def touch(self, index: int) -> Record:
        """The record for changing.

        Raises:
            LookupError: There is no such object.
        """
        record = self._overlay.get(index)
        if record is None:
            if self.slot(index) is None:
                raise LookupError(f"no object with index {index}")
            record = self._overlay[index] = self._seeded(index)
        self.changed()
        return record

    def add(self, index: int, record: Record) -> None:
        """Put in an object made at run time."""
        self._overlay[index] = record
        self.changed()

    def changed(self) -> None:
        """Forget what was computed from the former state."""
        self.version += 1
        self._sequences.clear()

    def sequence(
        self,
        name: str,
        *,
        slots: Callable[[Slot], bool],
        records: Callable[[Record], bool],
        delay_ms: int = 0,
    ) -> Sequence:
        """The members that a filter lets through, by creation.

        Args:
            name: Names the filter, for reuse until something changes.
            slots: The filter, for seeded objects.
            records: The same filter, for touched ones.
            delay_ms: How long after its order a seeded object of this kind came to be.
        """
        known = self._sequences.get(name)
        if known is None:
            known = self._sequences[name] = self._build(slots, records, delay_ms)
        return known

    def _build(
        self, slots: Callable[[Slot], bool], records: Callable[[Record], bool], delay_ms: int
    ) -> Sequence:
        removed: list[int] = []
        extras: list[Extra] = []
        for index, record in self._overlay.items():
            slot = self.slot(index)
            if slot is not None and slots(slot):
                removed.append(index)
            if record.hidden or record.removed or not records(record):
                continue
            ms = record.sort_ms - delay_ms
            if slot is not None and ms == self._timeline.created_ms(index):
                before = index
            else:
                before = self._timeline.count_until(ms)
            extras.append(Extra(before, record.sort_ms, index))
        selection = self._lifecycle.select(lambda slot: self._member(slot) and slots(slot))
        return Sequence(selection, removed=removed, extras=extras)

    def of_order(self, order_index: int) -> list[int]:
        """Indexes of the objects that belong to an order, oldest first."""
        found = []
        if self.slot(order_index) is not None:
            found.append(order_index)
        for index, record in self._overlay.items():
            if record.order_index == order_index and index != order_index:
                found.append(index)
        return found

    def every_index(self) -> Iterator[int]:
        """Indexes of all objects, hidden ones too: seeded first, then those made at run time."""
        for index in range(self._lifecycle.total):
            record = self._overlay.get(index)
            if self.slot(index) is not None and not (record and record.removed):
                yield index
        for index, record in list(self._overlay.items()):
            if self.slot(index) is None and not record.removed:
                yield index
