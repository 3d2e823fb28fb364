"""What a dry run or an audit came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pandabase_django.models import SyncRun
from pandabase_django.services.sync.mirror.comparison import Difference

__all__ = ["Comparison", "Count"]

KEPT_DIFFERENCES = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of one kind on both sides."""

    name: str
    there: int
    here: int


@dataclass(slots=True)
class Comparison:
    """The remote compared with the local rows; nothing was written.

    Attributes:
        run: Its numbers, times and requests; never saved. After a dry run, its row counts are what
            a sync would write.
        audited: Counts or whole lists were compared, and not what a sync would read.
        error: What stopped it; None when nothing did.
        counts: Rows on both sides, by kind.
        rows_compared: List rows that were read and compared by an audit.
        differences: The first thousand that an audit found.
        difference_count: All of them.
        not_compared: What the remote did not let an audit compare, and why; nobody knows if it is
            equal.
        notes: What else is worth knowing, such as that the store moved meanwhile.
    """

    run: SyncRun
    audited: bool
    error: Exception | None = None
    counts: list[Count] = field(default_factory=list)
    rows_compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    difference_count: int = 0
    not_compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Something that was compared differs."""
        return bool(self.difference_count) or any(c.there != c.here for c in self.counts)

    @property
    def equal(self) -> bool:
        """Everything was compared, and nothing differs."""
        return not (self.error or self.differs or self.not_compared)

    @property
    def state(self) -> str:
        """How it ended: of an audit that was not stopped, what it found."""
        if self.error or not self.audited:
            return str(self.run.state)
        return "EQUAL" if self.equal else "DIFFERENT" if self.differs else "INCOMPLETE"

    def add(self, found: Iterable[Difference]) -> None:
        """Count differences and keep the first thousand."""
        for difference in found:
            self.difference_count += 1
            if len(self.differences) < KEPT_DIFFERENCES:
                self.differences.append(difference)
