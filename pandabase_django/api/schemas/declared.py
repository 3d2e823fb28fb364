"""Says of each field of a schema where the remote shows it, and how it is read.

``tax_minor: int | None = integer("payment.taxAmount")`` is all that a field needs. Of several
places the first one that has a value counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from functools import cache
from operator import methodcaller
from types import MappingProxyType
from typing import Any

from pandabase_django.api.reading import Fields

__all__ = [
    "boolean",
    "identifier",
    "integer",
    "paths_of",
    "read_declared",
    "reference",
    "shown",
    "text",
    "time",
]

# A method of ``Fields``, by its name, or a function of the object and a name in it.
_Read = str | Callable[[Fields, str], Any]


def shown(*paths: str, read: _Read) -> Any:
    """A field that the remote shows at these places (``payment.id``).

    Args:
        paths: Where.
        read: Reads it, of the object that has it and the name that it has there; or the method of
            ``Fields`` that does.
    """
    return field(metadata={"paths": paths, "read": read})


def text(*paths: str) -> Any:
    """See ``Fields.text``."""
    return shown(*paths, read="text")


def integer(*paths: str) -> Any:
    """See ``Fields.integer``."""
    return shown(*paths, read="integer")


def boolean(*paths: str) -> Any:
    """See ``Fields.boolean``."""
    return shown(*paths, read="boolean")


def time(*paths: str) -> Any:
    """See ``Fields.time``."""
    return shown(*paths, read="time")


def reference(*paths: str) -> Any:
    """See ``Fields.reference``."""
    return shown(*paths, read="reference")


def identifier(kind: str) -> Any:
    """The object's own id; see ``Fields.identifier``."""
    return shown("id", read=lambda f, _: f.identifier(kind=kind))


def read_declared(schema: Any, f: Fields) -> dict[str, Any]:
    """The values of all declared fields."""
    return {name: read(f) for name, read in _readers(schema)}


@cache
def paths_of(schema: Any) -> Mapping[str, tuple[str, ...]]:
    """Where the remote shows each declared field."""
    return MappingProxyType(
        {one.name: one.metadata["paths"] for one in fields(schema) if "paths" in one.metadata}
    )


@cache
def _readers(schema: Any) -> tuple[tuple[str, Callable[[Fields], Any]], ...]:
    return tuple(
        (one.name, _reader(one.metadata["paths"], one.metadata["read"]))
        for one in fields(schema)
        if "paths" in one.metadata
    )


def _reader(paths: tuple[str, ...], read: _Read) -> Callable[[Fields], Any]:
    first, *others = (_reader_of_one(path, read) for path in paths)
    if not others:
        return first

    def read_first(f: Fields) -> Any:
        value = first(f)
        for other in others:
            value = other(f) if value is None else value
        return value

    return read_first


def _reader_of_one(path: str, read: _Read) -> Callable[[Fields], Any]:
    outer, _, rest = path.partition(".")
    if rest:
        inner = _reader_of_one(rest, read)
        return lambda f: inner(f.inside(outer))
    if isinstance(read, str):
        return methodcaller(read, outer)  # half the cost of a function of Python's
    own = read
    return lambda f: own(f, outer)
