"""Django's own history of the admin: it names customers by their address."""

from __future__ import annotations

from django.apps import apps
from django.db.models import Q

from pandabase_django.models import Customer
from pandabase_django.services.erasures.addresses import spellings
from pandabase_django.services.erasures.scrubbing import ERASED
from pandabase_django.services.people.finding import Person

__all__ = ["clean_history"]


def clean_history(person: Person) -> int:
    """Replace what the history of this app's rows says of a person. Returns how many entries."""
    if not apps.is_installed("django.contrib.admin"):
        return 0
    from django.contrib.admin.models import LogEntry

    entries = LogEntry.objects.filter(content_type__app_label="pandabase")
    named = Q(content_type__model="customer", object_id__in=person.rows[Customer])
    said = Q()
    for text in spellings(person.address):
        named |= Q(object_repr__icontains=text)
        said |= Q(change_message__icontains=text)
    return entries.filter(named).update(object_repr=ERASED) + entries.filter(said).update(
        change_message=""
    )
