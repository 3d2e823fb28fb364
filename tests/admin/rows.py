"""A row for any model, so that tests which enumerate models need no list of them."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

from django.db import models
from django.utils import timezone

from pandabase_django.crypto.fields import SealedField
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store

__all__ = ["row_of", "store_of"]

KEPT = ("environment",)  # a token of another one is not used
LISTS = ("differences", "items", "steps")
_numbers = count(1)


def row_of(model: type[models.Model], *, store: Store, mark: str) -> Any:
    """A store's row of a model: the one that is there, or one with everything filled.

    Args:
        model: Any model of the app.
        store: The store that the row, and what it points to, belong to.
        mark: Stands in every text, so that a page that shows the row can be told.
    """
    if model is Store:
        return store
    for found in model._default_manager.all():
        if store_of(found) == store.pk:
            return found
    row, sealed = model(), []
    for field in model._meta.concrete_fields:
        if field.name in KEPT:
            continue
        if isinstance(field, models.ForeignKey):
            target = field.related_model
            if target._meta.app_label == "pandabase" and target is not model:
                setattr(row, field.name, row_of(target, store=store, mark=mark))
        elif isinstance(field, models.UUIDField):
            setattr(row, field.attname, uuid.uuid4())
        elif isinstance(field, SealedField) and isinstance(model._meta.pk, models.AutoField):
            sealed.append(field.attname)  # for its number, which it has only when it is here
        elif isinstance(field, SealedField):
            setattr(row, field.attname, Secret(f"sk_{mark}_{next(_numbers)}"))
        elif not isinstance(field, models.AutoField):
            setattr(row, field.attname, _value(field, mark))
    row.save(force_insert=True)
    for name in sealed:
        setattr(row, name, Secret(f"sk_{mark}_{next(_numbers)}"))
        row.save(update_fields=[name])
    return row


def _value(field: models.Field[Any, Any], mark: str) -> Any:
    if field.choices:
        return next(iter(field.flatchoices))[0]
    if isinstance(field, models.JSONField):
        told = {"text": mark}
        return [told] if field.name in LISTS else told
    if isinstance(field, (models.CharField, models.TextField)):
        text = f"{mark}{next(_numbers)}"
        return text[: field.max_length or 200]
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.BinaryField):
        return b"0"
    return next(_numbers)


def store_of(row: Any) -> str:
    """The id of the store a row belongs to, however far away it stands."""
    if isinstance(row, Store):
        return row.pk
    if hasattr(row, "store_id"):
        return row.store_id
    for field in row._meta.concrete_fields:
        if isinstance(field, models.ForeignKey) and field.related_model._meta.app_label == (
            "pandabase"
        ):
            return store_of(getattr(row, field.name))
    raise LookupError(type(row).__name__)
