"""Django's own history of the admin: it names customers by their address, and quotes reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Q, QuerySet

from pandabase_django.services.erasures.addresses import written_forms
from pandabase_django.services.erasures.scrubbing import ERASED
from pandabase_django.services.people.finding import Person
from pandabase_django.services.people.mentions import in_pages, is_of_another_store, without_address

if TYPE_CHECKING:
    from django.contrib.admin.models import LogEntry

__all__ = ["clean_history", "history_of"]

ROWS_AT_ONCE = 500
_EXPORTED = (
    "id",
    "action_time",
    "user_id",
    "content_type__model",
    "object_id",
    "object_repr",
    "action_flag",
    "change_message",
)


def history_of(person: Person) -> Iterator[dict[str, Any]]:
    """The entries about the person's rows, as they are exported."""
    if apps.is_installed("django.contrib.admin"):
        for pks in _in_parts([pk for pk, _ in _own(person)]):
            yield from _entries().filter(pk__in=pks).order_by("pk").values(*_EXPORTED)


def clean_history(person: Person) -> int:
    """Empty what the entries about a person's rows say, and take the address out of all others.

    Who did something to which row, and when, stays. Returns how many entries were changed.
    """
    if not apps.is_installed("django.contrib.admin"):
        return 0
    without, likely = without_address(person.address, joined=True), Q()
    for text in written_forms(person.address):
        likely |= Q(object_repr__icontains=text) | Q(change_message__icontains=text)
    own = list(_own(person))
    said = {pk for pk, _ in own}
    named = {pk for pk, model in own if model == "customer"}
    for entry in _entries().filter(likely).select_related("content_type"):
        model = entry.content_type.model_class() if entry.content_type else None
        if model is not None and is_of_another_store(model, entry.object_id, person.store):
            continue
        shown, message = entry.object_repr, entry.change_message
        named.update([entry.pk] if without(shown) != shown else [])
        said.update([entry.pk] if without(message) != message else [])
    return _set(named, object_repr=ERASED) + _set(said, change_message="")


def _set(pks: set[int], **values: str) -> int:
    return sum(
        _entries().filter(pk__in=part).exclude(**values).update(**values)
        for part in _in_parts(sorted(pks))
    )


def _own(person: Person) -> Iterator[tuple[int, str]]:
    """Entries about the person's rows, with the name of the model."""
    rows = {model._meta.model_name: set(map(str, pks)) for model, pks in person.rows.items()}
    for pk, model, row in in_pages(_entries(), "content_type__model", "object_id"):
        if row in rows.get(model, ()):
            yield pk, model


def _in_parts(pks: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(pks), ROWS_AT_ONCE):
        yield pks[start : start + ROWS_AT_ONCE]


def _entries() -> QuerySet[LogEntry]:
    from django.contrib.admin.models import LogEntry

    return LogEntry.objects.filter(content_type__app_label="pandabase")
