"""Compares the local tables with the sandbox's own dump, row by row and column by column.

Reads the dump through the sandbox's control address with the standard library, and knows nothing
of the sync's code: it is the witness, not the accused.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from demo_project.expected import OF_EVERY_SYNC, Kind

__all__ = ["Comparison", "compare", "compare_rows"]

Rows = dict[tuple[Any, ...], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of row.

    Attributes:
        kind: What they are called.
        local: How many stand here.
        remote: How many must.
        differing: For each row that is not the same its id, and in which columns.
    """

    kind: str
    local: int
    remote: int
    differing: Mapping[str, str]


def compare(control_url: str) -> list[Comparison]:
    """Compare every mirrored row with the remote's state.

    Args:
        control_url: The sandbox's control address.
    """
    (store,) = _dump(control_url, "store")
    return [
        compare_rows(kind, _dump(control_url, kind.dump), store_id=store["id"])
        for kind in OF_EVERY_SYNC
    ]


def compare_rows(kind: Kind, objects: Iterable[dict[str, Any]], *, store_id: str) -> Comparison:
    """Compare the rows of one kind.

    Args:
        kind: Which.
        objects: Those of its dump.
        store_id: Whose dump it is.
    """
    remote = _remote(kind, objects)
    local = _local(kind, store_id)
    if not kind.all_named:
        local = {key: row for key, row in local.items() if key in remote}
    different = [key for key in {*remote, *local} if remote.get(key) != local.get(key)]
    return Comparison(
        kind=kind.name,
        local=len(local),
        remote=len(remote),
        differing={
            " ".join(key): _difference(kind, remote.get(key), local.get(key))
            for key in sorted(different)
        },
    )


def _dump(control_url: str, kind: str) -> Iterator[dict[str, Any]]:
    url = f"{control_url}/dump?kind={kind}&include_deleted=0"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  loopback, made by us
        for line in answer:
            yield json.loads(line)


def _remote(kind: Kind, objects: Iterable[dict[str, Any]]) -> Rows:
    values = kind.columns.values()
    keys = [kind.columns[name] for name in kind.key]
    return {
        tuple(key(source) for key in keys): tuple(value(source) for value in values)
        for source in kind.sources(objects)
    }


def _local(kind: Kind, store_id: str) -> Rows:
    rows = kind.model._default_manager.filter(
        **{f"{kind.owner}store_id": store_id, f"{kind.owner}gone_at__isnull": True}
    )
    names = list(kind.columns)
    keys = [names.index(name) for name in kind.key]
    # Not whole rows, whose payloads would be decoded too.
    return {tuple(row[key] for key in keys): row for row in rows.values_list(*names)}


def _difference(kind: Kind, remote: tuple[Any, ...] | None, local: tuple[Any, ...] | None) -> str:
    if remote is None or local is None:
        return "missing " + ("at the remote" if remote is None else "here")
    return "; ".join(
        f"{name}: remote {there!r}, local {here!r}"
        for name, there, here in zip(kind.columns, remote, local, strict=True)
        if there != here
    )
