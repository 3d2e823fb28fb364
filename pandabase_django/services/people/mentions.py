"""Looks for one person's address in texts of all tables, whoever they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from pandabase_django.models import Store
from pandabase_django.services.erasures.addresses import (
    normal_address,
    with_addresses_replaced,
    written_forms,
)
from pandabase_django.services.erasures.scrubbing import ERASED, with_texts_changed
from pandabase_django.services.people.decisions import TABLES

__all__ = [
    "changes_of",
    "in_pages",
    "is_of_another_store",
    "mentioning",
    "mentions",
    "models_of_the_app",
    "without_address",
]

ROWS_AT_ONCE = 2000


def mentions(store: Store, model: type[Model], columns: Iterable[str], address: str) -> list[Any]:
    """Primary keys of a store's rows in which the address stands in one of these columns.

    Rows of no store belong to each.
    """
    return [pk for pk, *_ in mentioning(_of_store(model, store), tuple(columns), address)]


def mentioning(
    rows: QuerySet[Any], columns: Sequence[str], address: str
) -> Iterator[tuple[Any, ...]]:
    """Of these rows those in which the address stands in one of these columns, with the values."""
    found = Q()
    forms = {form.lower() if form.isascii() else form for form in written_forms(address)}
    for column in columns:
        rows = rows.alias(**{f"{column}_text": Cast(column, TextField())})
        for form in forms:
            found |= Q(**{f"{column}_text__icontains": form})
    changes = changes_of(rows.model, columns, address)
    for pk, *values in in_pages(rows.filter(found), *columns):
        if any(changes[n](value) != value for n, value in zip(columns, values, strict=True)):
            yield (pk, *values)


def in_pages(rows: QuerySet[Any], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Primary keys and these columns of many rows, some at a time.

    ``iterator()`` would keep a cursor of the server's open, which a pooler takes away.
    """
    rows = rows.order_by("pk")
    page = list(rows.values_list("pk", *columns)[:ROWS_AT_ONCE])
    while page:
        yield from page
        if len(page) < ROWS_AT_ONCE:
            return
        page = list(rows.filter(pk__gt=page[-1][0]).values_list("pk", *columns)[:ROWS_AT_ONCE])


def changes_of(
    model: type[Model], columns: Iterable[str], address: str
) -> dict[str, Callable[[Any], Any]]:
    """What takes the address out of each of these columns.

    Free texts of this app may join it with other words. In a shop's own data ``x-ann@…`` is
    somebody else.
    """
    free = TABLES[model.__name__].columns("searched")
    return {column: without_address(address, joined=column in free) for column in columns}


def without_address(address: str, *, joined: bool) -> Callable[[Any], Any]:
    """What takes an address out of a text or JSON."""
    normal = normal_address(address)

    def change(text: str) -> str:
        return with_addresses_replaced(
            text, ERASED, is_theirs=lambda one: normal_address(one) == normal, joined=joined
        )

    return lambda value: with_texts_changed(value, change)


def is_of_another_store(model: type[Model], pk: Any, store: Store) -> bool:
    """Whether that row is here and belongs to another store."""
    rows = model._default_manager.filter(pk=pk)
    return rows.exists() and not _of_store(model, store).filter(pk=pk).exists()


def _of_store(model: type[Model], store: Store) -> QuerySet[Any]:
    names = {field.name for field in model._meta.concrete_fields}
    if model is Store:
        return model._default_manager.filter(pk=store.pk)
    for name in ("store", "endpoint", "token"):
        if name in names:
            path = name if name == "store" else f"{name}__store"
            return model._default_manager.filter(**{path: store})
    return model._default_manager.all()


def models_of_the_app() -> list[type[Model]]:
    """Every model of this app."""
    return list(apps.get_app_config("pandabase").get_models())
