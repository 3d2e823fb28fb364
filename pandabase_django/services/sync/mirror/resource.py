"""A resource: what the engine has to know of a list of the remote and of its local table.

``docs/adding-a-resource.md`` shows how one is defined. The engine (``run``, ``readings`` and the
rest of ``mirror``) knows no resource by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Q, QuerySet

from pandabase_django.api.client import Client
from pandabase_django.api.listing import Listing
from pandabase_django.api.schemas import Page
from pandabase_django.models import MirrorRow
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.outcome import Change

__all__ = ["ChangedItem", "Due", "Item", "Reading", "Resource", "Schedule", "due_by"]


class Item(Protocol):
    """An object of the remote that becomes a row."""

    @property
    def id(self) -> str:
        """The remote id."""


S = TypeVar("S", bound=Item)
R = TypeVar("R")


class Schedule(Enum):
    """When a resource is read in runs of its own."""

    OFTEN = "often"
    """Each ``SYNC_INTERVAL_SECONDS``, and by a sync that names no resource."""
    SELDOM = "seldom"
    """Some times a day: it changes seldom, or is read whole."""
    BY_NAME = "by name"
    """Only when somebody names it; another task or resource reads it."""


class Reading(Protocol):
    """A way to read a list; see ``services/sync/readings``."""

    def read(self, context: RunContext, resource: Resource[Any]) -> object:
        """Bring the local rows up to date.

        Raises:
            MissingPermission: The token may not read the resource.
            PandabaseError: Whatever stopped the reading; what was written stays and is right.
        """


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """An item that is new, or not as it was.

    Attributes:
        item: As the remote shows it.
        known: It is not new.
    """

    item: Any
    known: bool


# Ids of another resource's rows that are to be read, with the items that say so: none when
# it is only known that something happened.
Due = Mapping[str, Sequence[ChangedItem]]


def _nothing(*_: Any) -> None:
    """Nothing follows."""


@dataclass(frozen=True, kw_only=True)
class Resource(Generic[S]):
    """The definition of one resource.

    Attributes:
        name: In the plural, as people and checkpoints know it.
        listing: Its list, of a client.
        permission: What the token needs to read it.
        model: The table of its rows; None when no row is kept.
        keep: Columns that an item fills in a new row alone; later on, something else does.
        listed: Which of the table's rows come from this list, when others write some as well.
        audited: The list as an audit reads it; None takes ``listing``.
        compare: How what comes with items differs from what is here, in sentences by id:
            ``compare(items, rows)``.
        due: Why a row is to be read again, as an audit says it; empty when it is not.
        digest_column: Which column has the digest of the list's items.
        readings: How it is read, in this order.
        goes_on: A run that is stopped goes on where it was, so that a long one gives way.
        step_of: The resource whose runs read this one too; empty when it has runs of its own.
        schedule: When it is read without being named; see ``Schedule``.
        write: Writes items itself, in place of ``row_of``: ``write(context, items, now)``.
        take_page: Writes a page itself, in transactions of its own; returns how many rows are new,
            or came to another status.
        read_again: Reads rows again by their ids, or notes that it is to be done; None asks for
            each of them.
        read_by_events: Single rows are read without the lease as well, when an event names them.
        write_more: Writes what comes with changed items (children, links), in their transaction:
            ``write_more(context, items, changes, now)``. Not called in a dry run.
        belongs_to: The id of another resource's row that an item says something of; "" for none.
        makes_due: Called with such ids and the new and changed items that name them, and with the
            changes of their rows, in their transaction, in a dry run too: what else has to be read
            now.
        went: Called with the ids of rows that were marked as gone, in their transaction; in a dry
            run too.
    """

    name: str
    listing: Callable[[Client], Listing[S]]
    permission: str
    model: type[MirrorRow] | None = None
    keep: frozenset[str] = frozenset()
    listed: Q = field(default_factory=Q)
    audited: Callable[[Client], Listing[Any]] | None = None
    compare: Callable[[Sequence[Any], Mapping[str, Any]], Mapping[str, Sequence[str]]] = (
        lambda items, rows: {}
    )
    due: Callable[[Any], str] = lambda row: ""
    digest_column: str = "digest"
    readings: Sequence[Reading] = ()
    goes_on: bool = False
    step_of: str = ""
    schedule: Schedule = Schedule.OFTEN
    write: Callable[[RunContext, Sequence[S], datetime], Any] | None = None
    take_page: Callable[[RunContext, Page[S]], int] | None = None
    read_again: Callable[[RunContext, Collection[str]], None] | None = None
    read_by_events: bool = False
    write_more: Callable[[RunContext, Sequence[S], Sequence[Change[Any]], datetime], None] = (
        _nothing
    )
    belongs_to: Callable[[S], str] = lambda item: ""
    makes_due: Callable[[RunContext, Due, Sequence[Change[Any]]], None] = _nothing
    went: Callable[[RunContext, Sequence[str], datetime], None] = _nothing

    @property
    def table(self) -> type[MirrorRow]:
        """The model.

        Raises:
            TypeError: No row is kept of this resource.
        """
        if self.model is None:
            raise TypeError(f"No rows are kept of {self.name}.")
        return self.model

    def read(self, context: RunContext) -> None:
        """Read it in all its ways."""
        for reading in self.readings:
            reading.read(context, self)

    def reading(self, kind: type[R]) -> R | None:
        """The reading of this kind, also as a part of another one; None when there is none."""
        for reading in self.readings:
            for part in (reading, *getattr(reading, "parts", ())):
                if isinstance(part, kind):
                    return part
        return None

    def rows(self, store_id: str) -> QuerySet[Any]:
        """The store's rows."""
        return self.table._default_manager.filter(store_id=store_id)

    def live(self, store_id: str) -> QuerySet[Any]:
        """The store's rows that the list is to show: not those that are marked as gone."""
        return self.rows(store_id).filter(self.listed, gone_at__isnull=True)


def due_by(resource: Resource[Any], changed: Iterable[ChangedItem]) -> Due:
    """What these items make due."""
    due: dict[str, list[ChangedItem]] = {}
    for one in changed:
        if pk := resource.belongs_to(one.item):
            due.setdefault(pk, []).append(one)
    return due
