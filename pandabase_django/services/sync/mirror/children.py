"""Writes the rows that come with a parent: variants of products, line items of orders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import F

from pandabase_django.conf import conf
from pandabase_django.models import MirrorRow
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.upsert import in_one_order, mark_gone, upsert
from pandabase_django.services.sync.run.outcome import Change, Outcome

__all__ = ["write_children"]

M = TypeVar("M", bound=MirrorRow)


def write_children(
    model: type[M],
    *,
    parent: str,
    listed: Mapping[str, Sequence[M]],
    store_id: str,
    now: datetime,
    parents_are_gone: bool = False,
) -> Outcome[M]:
    """Make the live children of these parents those that are listed, and no others.

    A child that another parent lists from now on moves there: it is compared by its parent as well
    as by its digest. What is too new to be marked as gone, and what the parent that lost a child
    says of it, is read again with the parent: its digest is made one that no answer has.

    Args:
        model: The children's model.
        parent: The column that names the parent.
        listed: Rows by the parent's id. A parent of whose children nothing was said is not in it;
            one that has none has an empty list.
        store_id: Whose parents they are; another store's children stay as they are.
        now: Written into tombstones.
        parents_are_gone: The children go with them, whatever their age.
    """
    rows = [row for children in listed.values() for row in children]
    outcome = upsert(model, rows, compare=(parent,))
    present = {row.pk for row in rows}
    live = model._default_manager.filter(
        Among(F(parent), listed), store_id=store_id, gone_at__isnull=True
    )
    vanished = {pk: at for pk, at in live.values_list("pk", parent) if pk not in present}
    # Whoever holds one of them moves it to a parent of his, and may wait for this one's parent.
    left = in_one_order(live.filter(Among(F("pk"), vanished)), skip_locked=True)
    still = set(left.values_list("pk", flat=True)) if vanished else set()
    outcome.include(
        mark_gone(model, ids=still, store_id=store_id, now=now, with_their_parent=parents_are_gone)
    )
    again = {vanished[pk] for pk in (*outcome.too_new, *(vanished.keys() - still))}
    again |= _lately_left(outcome.changes, parent, now)
    _read_again(model, parent, again, store_id=store_id)
    return outcome


def _lately_left(changes: Sequence[Change[M]], parent: str, now: datetime) -> set[str]:
    """Parents that lost a child which they had not for long: one of two answers may be late."""
    edge = now - timedelta(seconds=conf.mark_gone_after_seconds)
    return {
        change.before[parent]
        for change in changes
        if parent in change.columns
        and change.before[parent] is not None
        and max(change.before["first_seen_at"], change.before["appeared_at"] or edge) > edge
    }


def _read_again(model: type[M], parent: str, ids: Collection[str], *, store_id: str) -> None:
    if not ids:
        return
    parents: Any = model._meta.get_field(parent.removesuffix("_id")).related_model
    rows = parents._default_manager.filter(Among(F("pk"), ids), store_id=store_id)
    # One in its list form is due already.
    rows = rows.filter(gone_at__isnull=True).exclude(digest="")
    rows.read_again()
