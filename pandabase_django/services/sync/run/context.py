"""What all parts of one run use: the client, the reader, the lease, the record and checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.models import Store, SyncCursor
from pandabase_django.services.sync.run.checkpoints import Checkpoints
from pandabase_django.services.sync.run.outcome import Outcome
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.sync.run.recorder import Recorder

__all__ = ["Guard", "RunContext"]


class Guard(Protocol):
    """The right to write, such as a lease."""

    def guard(self) -> None:
        """Renew it, as the first statement of a write transaction.

        Raises:
            PandabaseError: Nothing may be written any more.
        """


@dataclass(slots=True)
class RunContext:
    """One run of one resource of one store.

    Attributes:
        client: The connection to the remote.
        reader: Reads pages and objects in threads.
        cursor: When the resource was last read; its checkpoints are in ``checkpoints``.
        lease: Renewed first in each transaction; None when nothing is written.
        recorder: Counts, and shows people where the run is.
        call_for_help: Brings other workers, when the run may have any.
        noted: What a dry run has counted already.
        unwritten: Ids of rows that the database refused.
        left_out: Ids of what could not be kept, as far as this run met it, by resource.
        checkpoints: Where each reading is; kept by ``keep_checkpoints``.
    """

    client: Client
    reader: Reader[Any]
    cursor: SyncCursor
    lease: Guard | None
    recorder: Recorder
    call_for_help: Callable[[int, int], None] | None = None
    noted: set[str] = field(default_factory=set)
    unwritten: set[str] = field(default_factory=set)
    left_out: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    checkpoints: Checkpoints = field(init=False)

    def __post_init__(self) -> None:
        self.checkpoints = Checkpoints(self.cursor.checkpoint)

    @property
    def store(self) -> Store:
        """Whose rows are read."""
        return self.recorder.run.store

    @property
    def full(self) -> bool:
        """Every page is to be read, whatever is known."""
        return self.recorder.run.full

    @property
    def dry_run(self) -> bool:
        """Compare and count, write nothing."""
        return self.recorder.run.dry_run

    @property
    def first(self) -> bool:
        """No sync of this resource has ever completed: signals stay silent."""
        return self.recorder.run.first

    @contextmanager
    def writing(self) -> Iterator[datetime]:
        """A transaction under the lease; gives the time to write into its rows.

        Raises:
            LeaseLost: The lease passed to another worker.
            RunCancelled: Somebody asked for the end of the run.
        """
        with self.recorder.saving(self.keep_lease):
            yield timezone.now()

    def note(self, ids: Iterable[str]) -> list[str]:
        """In a dry run: those of these ids that were not met before."""
        fresh = [pk for pk in ids if pk not in self.noted]
        self.noted.update(fresh)
        return fresh

    def count(self, outcome: Outcome[Any]) -> None:
        """Count a batch; in a dry run each row once, since the next reading finds it again."""
        if self.dry_run:
            fresh = set(self.note(change.row.pk for change in outcome.changes))
            changes = [change for change in outcome.changes if change.row.pk in fresh]
            outcome = replace(outcome, changes=changes)
        self.recorder.add(outcome)

    def keep_checkpoints(self) -> None:
        """Write where this run is, inside ``writing()``; a dry run keeps nothing."""
        if not self.dry_run:
            self.cursor.checkpoint = self.checkpoints.to_json()
            SyncCursor.objects.filter(pk=self.cursor.pk).update(
                checkpoint=self.cursor.checkpoint, last_full_at=self.cursor.last_full_at
            )

    def save_checkpoints(self) -> None:
        """The same in a transaction of its own."""
        if not self.dry_run:
            with self.writing():
                self.keep_checkpoints()

    def guarded_by(self, lease: Guard) -> RunContext:
        """The same run, whose transactions begin with another guard."""
        other = copy(self)
        other.lease = lease
        return other

    def keep_lease(self) -> None:
        """Renew the lease, as the first statement of a write transaction.

        Raises:
            LeaseLost: The lease passed to another worker.
        """
        if self.lease is not None:
            self.lease.guard()
