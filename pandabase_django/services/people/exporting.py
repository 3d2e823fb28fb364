"""All that is here of one person, as JSON: every column of every row, but for secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import msgspec
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from pandabase_django.crypto.fields import SealedField
from pandabase_django.models import Store
from pandabase_django.services.people.decisions import TABLES
from pandabase_django.services.people.finding import Person, find_person
from pandabase_django.services.people.history import history_of
from pandabase_django.services.people.mentions import mentions, models_of_the_app

__all__ = ["export_texts"]

ROWS_IN_A_PIECE = 200
_slowly = DjangoJSONEncoder(ensure_ascii=False).encode
_OF_THE_SYNC = frozenset(
    {"digest", "list_digest", "key_hash", "same_key", "dirty_mark", "mark", "reference"}
)


def export_texts(stores: Iterable[Store], address: str) -> Iterator[str]:
    """The export, in pieces: rows by kind, and other rows that mention the address.

    No piece holds more than some rows, however many there are. One that was cut off is no JSON.

    Raises:
        ValueError: That is no e-mail address. No piece was given then.
    """
    between = '{"stores": ['
    for store in stores:
        person = find_person(store, address)
        yield f'{between}\n{{"store": {_json(store.pk)}, "rows": {{'
        between = ","
        lists = ((model.__name__, _of_model(person, model)) for model in person.rows)
        yield from _lists(chain(lists, [("LogEntry", history_of(person))]))
        yield f'}},\n"mentioned_in": {_json(_mentioned_in(person))}}}'
    yield "]}\n"


def _lists(lists: Iterable[tuple[str, Iterator[dict[str, Any]]]]) -> Iterator[str]:
    """Each list that is not empty with its name, a row in each line."""
    start = "\n"
    for name, rows in lists:
        end, between = "", f"{start}{_json(name)}: ["
        while part := list(islice(rows, ROWS_IN_A_PIECE)):
            yield between + "\n" + ",\n".join(map(_json, part))
            between, end, start = ",", "]", ",\n"
        yield end


def _of_model(person: Person, model: type[Model]) -> Iterator[dict[str, Any]]:
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, SealedField) and field.name not in _OF_THE_SYNC
    ]
    for pks in person.chunks(model):
        yield from model._default_manager.filter(pk__in=pks).order_by("pk").values(*names)


def _mentioned_in(person: Person) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for model in models_of_the_app():
        if columns := TABLES[model.__name__].texts:
            named = mentions(person.store, model, columns, person.address)
            own = set(person.rows.get(model, ()))
            if others := [str(pk) for pk in named if pk not in own]:
                found[model.__name__] = others
    return found


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, ValueError, TypeError, RecursionError):
        return _slowly(value)  # such as a number beyond 64 bits
