"""What all objects of the remote have in common, and a page of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pandabase_django.api.reading import Fields, digest_of
from pandabase_django.exceptions import ProtocolError

__all__ = ["Page", "Parsed", "children", "ids"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    payload: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list (Source: P-19).

    Attributes:
        items: The objects that could be read.
        received: How many stood on the page, unreadable ones included.
        warnings: What could not be read or stored as it came.
    """

    items: tuple[T, ...]
    page: int
    limit: int
    total: int
    total_pages: int
    received: int
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_json(
        cls, data: object, *, read: Callable[[object], T], replaced: tuple[str, ...] = ()
    ) -> Page[T]:
        """Read a list answer.

        Raises:
            ProtocolError: It has not items and a pagination.
        """
        fields = Fields(data, kind="list")
        raw = fields.data.get("items")
        pagination = Fields(fields.data.get("pagination"), kind="list's pagination")
        numbers = [pagination.integer(n) for n in ("page", "limit", "total", "totalPages")]
        if not isinstance(raw, list) or any(n is None or n < 0 for n in numbers):
            raise ProtocolError("A list came without its items or its pagination.")
        page, limit, total, total_pages = (n or 0 for n in numbers)
        items: list[T] = []
        warnings = list(replaced)
        for place, item in enumerate(raw):
            try:
                items.append(read(item))
            except ProtocolError as error:
                warnings.append(f"Page {page}, row {place + 1} was left out: {error}")
        return cls(
            items=tuple(items),
            page=page,
            limit=limit,
            total=total,
            total_pages=total_pages,
            received=len(raw),
            warnings=tuple(warnings),
        )


def children(parent: Fields, name: str, read: Callable[[object], Any]) -> tuple[Any, ...] | None:
    """Nested objects; None when nothing was said of them, which is not the same as none."""
    listed = parent.items(name)
    if listed is None:
        return None
    children: list[Any] = []
    for place, data in enumerate(listed):
        try:
            child = read(data)
        except ProtocolError:
            parent.warnings.append(f"{name}[{place}] is not an object; it was left out.")
            continue
        parent.warnings.extend(f"{name}[{place}]: {text}" for text in child.warnings)
        children.append(child)
    return tuple(children)


def ids(parent: Fields, name: str) -> tuple[str, ...] | None:
    """Ids of related objects, given as ids or as objects with an id; None as of ``children``."""
    listed = parent.items(name)
    if listed is None:
        return None
    found: dict[str, None] = {}
    for data in listed:
        value = data.get("id") if isinstance(data, dict) else data
        if isinstance(value, str) and value:
            found[value] = None
    return tuple(found)
