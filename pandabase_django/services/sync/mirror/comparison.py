"""Compares list rows with the local rows, and says in words how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandabase_django.api.digests import ERASED_DIGEST, says_the_same
from pandabase_django.api.schemas.declared import paths_of
from pandabase_django.models import MirrorRow
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.rows import columns_of_the_remote
from pandabase_django.services.sync.run.one_object import failure_of

__all__ = ["Difference", "compare_each", "compare_fields", "differs"]

OTHER_FIELD = "Another field of it changed since it was last read."


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same on both sides.

    Attributes:
        kind: The model, such as ``order``.
        id: The remote id.
        what: ``missing``, ``other store``, ``tombstone``, ``due``, ``differs``, ``not listed``.
        why: One or more sentences for a person.
    """

    kind: str
    id: str
    what: str
    why: str


def compare_each(
    resource: Resource[Any], items: Sequence[Any], *, store_id: str
) -> tuple[list[Difference], list[str]]:
    """Compare rows together, or one by one when one of them can't be.

    Returns:
        The differences, and a sentence for each row that was not compared.
    """
    try:
        return _compare(resource, items, store_id=store_id), []
    except Exception as error:
        failure = failure_of(error)
        if not items:
            raise
        if len(items) == 1:
            return [], [f"{items[0].id} was not compared: {failure}"]
    parts = [compare_each(resource, [item], store_id=store_id) for item in items]
    return [row for found, _ in parts for row in found], [
        text for _, lost in parts for text in lost
    ]


def compare_fields(item: Any, row: MirrorRow, *, keep: frozenset[str] = frozenset()) -> list[str]:
    """Columns whose values the remote showed, and that differ here.

    Args:
        item: What the remote showed.
        row: What is here.
        keep: Columns that something else than this item changes.
    """
    why: list[str] = []
    schema: Any = type(item)
    for column, paths in paths_of(schema).items():
        if column in keep or column not in columns_of_the_remote(type(row)):
            continue
        if not any(_shows(item.payload, path) for path in paths):
            continue
        here, there = getattr(row, column), getattr(item, column)
        if here != there and not (here == "" and there is None):
            why.append(differs(column, here=here, there=there))
    return why


def differs(name: str, *, here: object, there: object) -> str:
    """One value that is not the same on both sides."""
    return f"{name}: {here} here, {there} there."


def _compare(resource: Resource[Any], items: Sequence[Any], *, store_id: str) -> list[Difference]:
    kind = str(resource.table._meta.model_name)
    ids = [item.id for item in items]
    rows = {row.pk: row for row in resource.table._default_manager.filter(pk__in=ids)}
    more = resource.compare(items, rows)
    found: list[Difference] = []
    for item in items:
        row: Any = rows.get(item.id)
        if row is None or row.store_id != store_id or row.gone_at is not None:
            found.append(_absent(kind, item.id, row, store_id))
            continue
        why = [*compare_fields(item, row, keep=resource.keep), *more.get(item.id, ())]
        if due := resource.due(row):
            why.insert(0, due)
        elif not why and not _says_the_same(getattr(row, resource.digest_column), item.digest):
            why.append(OTHER_FIELD)
        if why:
            found.append(Difference(kind, item.id, "due" if due else "differs", " ".join(why)))
    return found


def _says_the_same(stored: str, digest: str) -> bool:
    return stored == ERASED_DIGEST or says_the_same(stored, digest)


def _absent(kind: str, pk: str, row: MirrorRow | None, store_id: str) -> Difference:
    if row is None:
        return Difference(kind, pk, "missing", "It is not here.")
    if row.store_id != store_id:
        return Difference(kind, pk, "other store", f"It is here under {row.store_id}.")
    return Difference(kind, pk, "tombstone", f"It is marked as gone here since {row.gone_at}.")


def _shows(payload: Mapping[str, Any], path: str) -> bool:
    """Whether the remote showed this field; null shows that there is nothing of it."""
    name, _, rest = path.partition(".")
    if name not in payload:
        return False
    inner = payload[name]
    return not rest or inner is None or (isinstance(inner, dict) and _shows(inner, rest))
