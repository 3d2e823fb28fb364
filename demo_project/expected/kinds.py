"""What is expected of one mirror model, and how a value is taken from the dump."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from django.db.models import Model

__all__ = [
    "ABSENCES",
    "OF_HERE",
    "Json",
    "Kind",
    "Value",
    "at",
    "each",
    "id_or_place",
    "text",
    "time",
]

Json = dict[str, Any]
Value = Callable[[Json], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One mirror model, and what its rows must hold.

    Attributes:
        name: As people call its rows.
        model: The mirror model.
        dump: The dump that its rows are told from, products and categories without deleted ones.
        sources: From the dump's objects one source for each row.
        columns: What each column must hold, told from the row's source.
        left_out: Columns that are not compared, and why.
        owner: The way to the row that has a store and may be a tombstone.
        key: The columns that name a row.
        all_named: Every row here must have a source.
    """

    name: str
    model: type[Model]
    dump: str
    sources: Callable[[Iterable[Json]], Iterable[Json]]
    columns: Mapping[str, Value]
    left_out: Mapping[str, str]
    owner: str = ""
    key: tuple[str, ...] = ("id",)
    all_named: bool = True


def at(path: str) -> Value:
    """The value below a path; None where any step is missing."""
    first, *steps = path.split(".")
    if not steps:
        return lambda source: source.get(first)

    def value(source: Json) -> Any:
        found = source.get(first)
        for step in steps:
            if not isinstance(found, dict):
                return None
            found = found.get(step)
        return found

    return value


def text(path: str) -> Value:
    """A text, "" where there is none; of a number its digits."""
    found_at = at(path)

    def value(source: Json) -> str:
        found = found_at(source)
        return "" if found is None else str(found)

    return value


def time(path: str) -> Value:
    found_at = at(path)

    def value(source: Json) -> datetime | None:
        found = found_at(source)
        if found is None:
            return None
        if found[-1] != "Z":
            raise ValueError(f"{found} is not in UTC")
        return datetime.fromisoformat(found[:-1]).replace(tzinfo=timezone.utc)

    return value


def id_or_place(child: str, parent: str) -> Value:
    """The child's own id; one without is called by its place in the parent."""
    own, of = at(f"{child}.id"), at(f"{parent}.id")
    return lambda source: own(source) or f"{of(source)}:{source['place']}"


def each(parent: str, child: str, children: str) -> Callable[[Iterable[Json]], Iterator[Json]]:
    """One source for each child: itself, its parent, and its place there."""
    return lambda objects: (
        {parent: whole, child: part, "place": place}
        for whole in objects
        for place, part in enumerate(whole[children] or ())
    )


OF_HERE = {
    "store_id": "Rows of other stores are not looked at.",
    "gone_at": "A tombstone counts as a row that is missing.",
    "payload": "Written with the columns; its decoding would be most of a comparison's time.",
    "digest": "Of the payload; a wrong one shows in what the next sync writes.",
    "first_seen_at": "A time of here.",
    "appeared_at": "A time of here.",
    "synced_at": "A time of here.",
}
ABSENCES = {"absences": "Counts passes of here."}
