"""Plain objects as JSON and back: what JSON has no word for is written with ``$``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from pandabase_django.sandbox.http.idempotency import Kept
from pandabase_django.sandbox.http.wire import Response
from pandabase_django.sandbox.store.dated import Record
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.sessions import Line, Session
from pandabase_django.sandbox.store.state import Event
from pandabase_django.sandbox.store.tokens import Token
from pandabase_django.sandbox.webhooks.delivery import Delivery

__all__ = ["from_json", "to_json"]

_CLASSES: dict[str, type] = {
    known.__name__: known
    for known in (Delivery, Event, Item, Kept, Line, Record, Response, Session, Token)
}


def to_json(value: Any) -> Any:
    """A copy of a value that ``json`` can write.

    Raises:
        TypeError: Something inside is not among what a sandbox keeps.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        pairs = list(value.items())  # at once: other threads may add some
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
            return {key: to_json(inner) for key, inner in pairs}
        return {"$map": [[to_json(key), to_json(inner)] for key, inner in pairs]}
    if isinstance(value, (list, deque)):
        return _each(value)
    if isinstance(value, tuple):
        return {"$tuple": _each(value)}
    if isinstance(value, (set, frozenset)):
        return {"$set": _each(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.decode("latin-1")}
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        inner = {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
        return {"$object": type(value).__name__, "$fields": inner}
    raise TypeError(f"a sandbox does not keep objects of {type(value).__name__}")


def from_json(value: Any) -> Any:
    """What ``to_json`` was given.

    Raises:
        LookupError: Something inside is of no known class.
        TypeError: An object has other fields today.
    """
    if isinstance(value, list):
        return [from_json(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if "$map" in value:
        return {from_json(key): from_json(inner) for key, inner in value["$map"]}
    if "$tuple" in value:
        return tuple(from_json(value["$tuple"]))
    if "$set" in value:
        return set(from_json(value["$set"]))
    if "$bytes" in value:
        return value["$bytes"].encode("latin-1")
    if "$object" in value:
        inner = {name: from_json(one) for name, one in value["$fields"].items()}
        return _CLASSES[value["$object"]](**inner)
    return {key: from_json(inner) for key, inner in value.items()}


def _each(values: Iterable[Any]) -> list[Any]:
    return [to_json(value) for value in list(values)]
