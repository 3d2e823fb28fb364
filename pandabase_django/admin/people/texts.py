"""What the state of an erasure means to a person."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.admin.base.live import LiveState, Progress
from pandabase_django.models import Erasure
from pandabase_django.services.people.mentions import models_of_the_app
from pandabase_django.services.people.queue import SOON

__all__ = ["erasure_state", "kind_text", "state_text"]


def erasure_state(erasure: Erasure) -> LiveState:
    """What the page of an erasure shows of it now."""
    return LiveState(
        open=erasure.finished_at is None and erasure.address is not None,
        texts={"state": state_text(erasure), "next": _next_step(erasure), "count": _count(erasure)},
        progress={"rows": Progress(erasure.rows_done, erasure.rows_found)},
    )


def state_text(erasure: Erasure) -> str:
    """In a few words."""
    if erasure.finished_at is not None:
        return _("Done")
    if erasure.address is None:
        return _("Stopped")
    return _("Under way") if _is_worked_on(erasure) else _("Waits for a worker")


def kind_text(name: str) -> str:
    """The plural of a model of this app, or of Django's history, by its class name."""
    models: list[type[Model]] = [*models_of_the_app(), LogEntry]
    names = {model.__name__: model._meta.verbose_name_plural for model in models}
    return str(names.get(name, name))


def _next_step(erasure: Erasure) -> str:
    if erasure.finished_at is not None:
        return ""
    if erasure.address is None:
        return _("Erase the person again: nobody knows here who it was.")
    if not _is_worked_on(erasure):
        return _("If no worker takes it within some minutes, see that a worker and beat run.")
    if erasure.rows_found is not None and erasure.rows_done >= erasure.rows_found:
        return _("The address is looked for in the texts of all other rows.")
    return _("You may leave this page. If the worker is stopped, another one goes on.")


def _count(erasure: Erasure) -> str:
    if erasure.rows_found is None:
        return ""
    of = ngettext(
        "%(done)d of %(count)d row was looked at",
        "%(done)d of %(count)d rows were looked at",
        erasure.rows_found,
    )
    return of % {"done": erasure.rows_done, "count": erasure.rows_found}


def _is_worked_on(erasure: Erasure) -> bool:
    due = erasure.next_attempt_at
    return due is not None and due > timezone.now() + SOON
