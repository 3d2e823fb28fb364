"""Makes rows of what the remote shows: each column takes the attribute of its own name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from pandabase_django.models import MirrorRow

__all__ = ["columns_of_the_remote", "row_of"]

M = TypeVar("M", bound=MirrorRow)

# Columns that no attribute of the object fills, beside those that only we keep.
_OF_THIS_COPY = frozenset({"id", "store", "first_seen_at", "gone_at"})


def row_of(model: type[M], item: Any, *, store_id: str, now: datetime, **columns: Any) -> M:
    """An unsaved row of an object.

    Args:
        model: The mirror model.
        item: The object; where it shows nothing, a column that can't be null has its default.
        store_id: The store.
        now: When the row is written.
        columns: Values that are not the object's attributes of these names.

    Raises:
        AttributeError: A column has no attribute, and is not among ``columns``.
    """
    values = {
        "id": item.id,
        "store_id": store_id,
        "payload": item.payload,
        "first_seen_at": now,
        "synced_at": now,
        **columns,
    }
    if "digest" not in columns:  # it is computed when it is asked for
        values["digest"] = item.digest
    for name, empty in columns_of_the_remote(model).items():
        if name not in columns:
            value = getattr(item, name)
            values[name] = empty if value is None else value
    return model(**values)


@cache
def columns_of_the_remote(model: type[MirrorRow]) -> Mapping[str, Any]:
    """The columns that equal what the remote shows, with what they hold where it shows nothing."""
    own = model.BOOKKEEPING | _OF_THIS_COPY
    return MappingProxyType(
        {
            field.attname: None if field.null else field.get_default()
            for field in model._meta.concrete_fields
            if field.name not in own
        }
    )
