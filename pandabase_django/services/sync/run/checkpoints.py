"""How far each reading of each resource is: typed in the code, JSON in ``SyncCursor.checkpoint``.

This is the one place that turns one into the other. What an older version left, or what cannot be
read, counts as no checkpoint: the reading begins again, which costs requests and loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from types import UnionType
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from pandabase_django.observing.logs import get_logger

__all__ = ["Checkpoint", "Checkpoints"]

logger = get_logger(__name__)


@dataclass(slots=True)
class Checkpoint:
    """Base of all checkpoints: dataclasses of texts, numbers, times, dicts and dataclasses.

    Attributes:
        reading: The name of the reading that keeps it.
    """

    reading: ClassVar[str]


C = TypeVar("C", bound=Checkpoint)


class Checkpoints:
    """The checkpoints of one cursor, each named by its resource and its reading.

    Args:
        kept: What ``to_json`` gave for an earlier run.
    """

    def __init__(self, kept: Mapping[str, Any]) -> None:
        self._kept: dict[str, dict[str, Any]] = {
            name: dict(readings) for name, readings in kept.items() if isinstance(readings, dict)
        }
        self._open: dict[tuple[str, str], Checkpoint] = {}

    def has(self, resource: str, kind: type[C]) -> bool:
        """Whether the reading has a checkpoint of this resource."""
        return (resource, kind.reading) in self._open or self._stored(resource, kind) is not None

    def of(self, resource: str, kind: type[C]) -> C:
        """The checkpoint itself, a new one when there is none: what is changed in it is kept."""
        place = (resource, kind.reading)
        found = self._open.get(place)
        if not isinstance(found, kind):
            found = self._stored(resource, kind) or kind()
            self._open[place] = found
        return found

    def each(self, kind: type[C]) -> list[tuple[str, C]]:
        """The checkpoints of this reading, by resource."""
        names = {*self._kept, *(name for name, _ in self._open)}
        return [(name, self.of(name, kind)) for name in sorted(names) if self.has(name, kind)]

    def put(self, resource: str, checkpoint: Checkpoint) -> None:
        """Keep this checkpoint in place of the one before."""
        self._open[resource, checkpoint.reading] = checkpoint

    def drop(self, resource: str, kind: type[Checkpoint]) -> None:
        """Forget a checkpoint."""
        self._open.pop((resource, kind.reading), None)
        self._kept.get(resource, {}).pop(kind.reading, None)

    def to_json(self) -> dict[str, Any]:
        """All of them, for ``SyncCursor.checkpoint``."""
        for (resource, reading), checkpoint in self._open.items():
            self._kept.setdefault(resource, {})[reading] = _to_json(checkpoint)
        return {name: readings for name, readings in self._kept.items() if readings}

    def _stored(self, resource: str, kind: type[C]) -> C | None:
        kept = self._kept.get(resource, {}).get(kind.reading)
        if kept is None:
            return None
        try:
            found: C = _from_json(kind, kept)
        except (AttributeError, TypeError, ValueError) as error:
            name = f"{kind.reading} of {resource}"
            logger.warning("The checkpoint %s is unreadable: %s", name, error)
            return None
        return found


def _to_json(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _from_json(kind: type[Any], kept: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _typed(hints[field.name], kept[field.name])
            for field in fields(kind)
            if field.name in kept
        }
    )


def _typed(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if hint is datetime:
        return datetime.fromisoformat(value)
    if is_dataclass(hint):
        return _from_json(hint, value)  # type: ignore[arg-type]
    return (get_origin(hint) or hint)(value)
