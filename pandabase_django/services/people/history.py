"""Django's own history of the admin: it names customers by their address."""

from __future__ import annotations

from django.apps import apps
from django.db.models import Q

from pandabase_django.models import Customer
from pandabase_django.services.erasures.addresses import written_forms
from pandabase_django.services.erasures.scrubbing import ERASED
from pandabase_django.services.people.finding import Person, is_of_another_store, without_address

__all__ = ["clean_history"]


def clean_history(person: Person) -> int:
    """Replace what the history of this app's rows says of a person. Returns how many entries."""
    if not apps.is_installed("django.contrib.admin"):
        return 0
    from django.contrib.admin.models import LogEntry

    entries = LogEntry.objects.filter(content_type__app_label="pandabase")
    own = Q(content_type__model="customer", object_id__in=person.rows[Customer])
    without, likely = without_address(person.address, joined=True), Q()
    for text in written_forms(person.address):
        likely |= Q(object_repr__icontains=text) | Q(change_message__icontains=text)
    named, said = [], []
    for entry in entries.filter(likely).select_related("content_type"):
        model = entry.content_type.model_class() if entry.content_type else None
        if model is not None and is_of_another_store(model, entry.object_id, person.store):
            continue
        shown, message = entry.object_repr, entry.change_message
        named += [entry.pk] if without(shown) != shown else []
        said += [entry.pk] if without(message) != message else []
    theirs = entries.filter(own | Q(pk__in=named)).exclude(object_repr=ERASED)
    return theirs.update(object_repr=ERASED) + entries.filter(pk__in=said).update(change_message="")
