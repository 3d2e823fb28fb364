"""All that is here of one person, as JSON: every column of every row, but for secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from pandabase_django.crypto.fields import SealedField
from pandabase_django.models import Store
from pandabase_django.services.people.decisions import TABLES
from pandabase_django.services.people.finding import (
    find_person,
    mentions,
    models_of_the_app,
)

__all__ = ["export_json", "export_person"]

_OF_THE_SYNC = frozenset(
    {"digest", "list_digest", "key_hash", "same_key", "dirty_mark", "mark", "reference"}
)


def export_person(store: Store, address: str) -> dict[str, Any]:
    """What one store has of a person: rows by kind, and other rows that mention the address.

    Raises:
        ValueError: That is no e-mail address.
    """
    person = find_person(store, address)
    rows = {
        model.__name__: [row for pks in person.chunks(model) for row in _rows(model, pks)]
        for model in person.rows
    }
    mentioned: dict[str, list[str]] = {}
    for model in models_of_the_app():
        if columns := TABLES[model.__name__].texts:
            found = mentions(store, model, columns, address)
            if others := [str(pk) for pk in found if pk not in person.rows.get(model, ())]:
                mentioned[model.__name__] = others
    return {
        "store": store.pk,
        "rows": {name: found for name, found in rows.items() if found},
        "mentioned_in": mentioned,
    }


def export_json(stores: list[Store], address: str) -> str:
    """The same of several stores, as text."""
    found = {"stores": [export_person(store, address) for store in stores]}
    return DjangoJSONEncoder(indent=2, ensure_ascii=False).encode(found)


def _rows(model: type[Model], pks: list[Any]) -> Iterator[dict[str, Any]]:
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, SealedField) and field.name not in _OF_THE_SYNC
    ]
    yield from model._default_manager.filter(pk__in=pks).order_by("pk").values(*names)
