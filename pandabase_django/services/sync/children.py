"""Writes the rows that come with a parent: variants of products, line items of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from django.db.models import F

from pandabase_django.models import MirrorRow
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.upsert import Outcome, mark_gone, upsert

__all__ = ["write_children"]

M = TypeVar("M", bound=MirrorRow)


def write_children(
    model: type[M], *, parent: str, listed: Mapping[str, Sequence[M]], now: datetime
) -> Outcome[M]:
    """Make the live children of these parents those that are listed, and no others.

    A child that another parent lists from now on moves there: it is compared by its parent as well
    as by its digest.

    Args:
        model: The children's model.
        parent: The column that names the parent.
        listed: Rows by the parent's id. A parent of whose children nothing was said is not in it;
            one that has none has an empty list.
        now: Written into tombstones.
    """
    rows = [row for children in listed.values() for row in children]
    outcome = upsert(model, rows, compare=(parent,))
    present = {row.pk for row in rows}
    live = model._default_manager.filter(Among(F(parent), listed), gone_at__isnull=True)
    vanished = [pk for pk in live.values_list("pk", flat=True) if pk not in present]
    outcome.include(mark_gone(model, ids=vanished, now=now))
    return outcome
