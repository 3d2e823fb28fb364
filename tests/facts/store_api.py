"""What the Store API has, as facts of our own: operations, permissions, queries, fields of bodies.

``operations.txt`` has a line for each operation: method, path below the store with ``{}`` for
an id, permission, then the query parameters, or after ``:`` the fields of the body. The fields of
objects in a list are in brackets. The client and the sandbox are each compared with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FACTS", "Fact", "shape"]


@dataclass(frozen=True)
class Fact:
    """One operation."""

    method: str
    path: str
    permission: str
    query: frozenset[str]
    body: dict[str, Any]


def shape(path: str) -> str:
    """A path with ``{}`` in the place of each id."""
    return re.sub(r"{\w+}", "{}", path.strip("/"))


def _body(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, inner in re.findall(r"(\w+)(?:\[([^\]]*)\])?", text):
        fields[name] = dict.fromkeys(inner.split()) if inner else None
    return fields


def _fact(line: str) -> Fact:
    head, _, body = line.partition(":")
    method, path, permission, *query = head.split()
    return Fact(method, path.strip("/"), permission, frozenset(query), _body(body))


_LINES = Path(__file__).with_name("operations.txt").read_text().splitlines()
FACTS = [_fact(line) for line in _LINES]
