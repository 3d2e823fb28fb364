"""What every page of the app shows at its top while a rotation needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.links import change_url
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.rotation.texts import explain
from pandabase_django.models import RotationAttempt
from pandabase_django.models.rotation import OPEN

__all__ = ["Notice", "rotation_notices"]

MOST = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """One rotation in need.

    Attributes:
        token: Name of its token.
        headline: Its state in one line.
        url: Its page.
    """

    token: str
    headline: str
    url: str


def rotation_notices(
    site: admin.AdminSite, request: HttpRequest, *, besides: Any = None
) -> list[Notice]:
    """Open rotations that are watched, held or lost, of stores this person may see.

    Without ``besides``, the row whose page this is: a rotation's page says it all itself. One
    query over an index that holds open rotations alone.
    """
    rows = visible_rows(site, request, RotationAttempt)
    # Not open(): a shop's proxy may have another manager.
    rows = rows.filter(OPEN, state__in=RotationAttempt.NEEDS_A_PERSON)
    if isinstance(besides, RotationAttempt):
        rows = rows.exclude(pk=besides.pk)
    return [
        Notice(
            token=attempt.token.name,
            headline=explain(attempt).headline,
            url=change_url(site, "rotationattempt", attempt.pk),
        )
        for attempt in rows[:MOST]
    ]
