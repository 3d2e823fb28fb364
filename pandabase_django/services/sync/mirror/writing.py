"""Writes what lists and single objects show of a resource, as its definition says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from pandabase_django.api.listing import Lists
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import ObjectNotFound, PandabaseError, ProtocolError
from pandabase_django.services.sync.due.causes import LAG_AT_MOST
from pandabase_django.services.sync.mirror.resource import ChangedItem, Resource, due_by
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import upsert
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import (
    failure_of,
    note_page,
    note_rows,
    while_it_is_well,
    write_in_parts,
)
from pandabase_django.services.sync.run.outcome import Outcome

__all__ = ["read_again", "write_items", "write_listed", "write_page", "write_rows"]


def write_rows(
    context: RunContext,
    resource: Resource[Any],
    batch: Sequence[Any],
    now: datetime,
    *,
    silent: bool = False,
    counted: bool = True,
    asked_at: datetime | None = None,
) -> Outcome[Any]:
    """Write items inside ``context.writing()``, count them, and note what they make due.

    Args:
        context: The run.
        resource: What the items are of.
        batch: The items.
        now: Time to write into the rows.
        silent: Nothing becomes due, since all is read anyway.
        counted: The run's numbers are of these rows too.
        asked_at: The items are of no list: each was asked for by its id, and not before this time.
    """
    # A list may be older than what was read for an event, even one that an earlier run has met.
    newer_than = asked_at or timezone.now() - LAG_AT_MOST
    for item in batch:
        context.recorder.warn(getattr(item, "warnings", ()))
    rows = [row_of(resource.table, item, store_id=context.store.pk, now=now) for item in batch]
    outcome = upsert(
        resource.table,
        rows,
        keep=resource.keep,
        newer_than=newer_than if resource.read_by_events else None,
        dry_run=context.dry_run,
    )
    if counted:
        context.count(outcome)
    else:
        context.recorder.note(outcome)
    note_rows(context, resource.name, met=(i.id for i in batch), left_out=outcome.left_out)
    known = {change.row.pk: not change.created for change in outcome.changes}
    # Of items with one id the last one counts.
    items = list({item.id: item for item in batch if item.id in known}.values())
    if items and not context.dry_run:
        resource.write_more(context, items, outcome.changes, now)
    if items and not silent:
        changed = [ChangedItem(item, known=known[item.id]) for item in items]
        resource.makes_due(context, due_by(resource, changed), outcome.changes)
    return outcome


def write_items(
    context: RunContext, resource: Resource[Any], batch: Sequence[Any], now: datetime
) -> Any:
    """Write list items inside ``context.writing()``, in the resource's own way if it has one."""
    if resource.write is not None:
        return resource.write(context, batch, now)
    return write_rows(context, resource, batch, now)


def write_page(context: RunContext, resource: Resource[Any], page: Page[Any]) -> int:
    """Write one page in transactions of its own.

    Returns:
        How many rows are new here, or have come to another status.
    """
    if resource.take_page is not None:
        return resource.take_page(context, page)
    note_page(context, resource.name, page)
    parts = write_listed(context, resource, page.items)
    return sum(
        change.created or "status" in change.columns for part in parts for change in part.changes
    )


def write_listed(
    context: RunContext,
    resource: Resource[Any],
    items: Sequence[Any],
    *,
    silent: bool = False,
    counted: bool = True,
) -> list[Outcome[Any]]:
    """Write items of a list; read by their ids those that may be newer here.

    Args:
        context: The run.
        resource: What the items are of.
        items: The items.
        silent: See ``write_rows``.
        counted: See ``write_rows``.
    """
    write = partial(write_rows, context, resource, silent=silent, counted=counted)
    parts = write_in_parts(context, items, write, of=resource.name)
    if newer := {pk for part in parts for pk in part.newer}:
        read_again(context, resource, newer, silent=silent, counted=counted)
    return parts


def read_again(
    context: RunContext,
    resource: Resource[Any],
    ids: Collection[str],
    *,
    silent: bool = False,
    counted: bool = True,
) -> dict[str, Any]:
    """Read these objects by their ids and write them, or note that it is to be done.

    Args:
        context: The run.
        resource: What the objects are of.
        ids: The objects.
        silent: What they make due was noted already.
        counted: The run's numbers are of these rows too.

    Returns:
        What was answered, by id: the object, or why it could not be read. One that is not found is
        not among them.
    """
    if resource.read_again is not None:
        resource.read_again(context, ids)
        return {}
    listing = resource.listing(context.client)
    if not isinstance(listing, Lists) or not ids:
        return {}

    def get(pk: str) -> Any:
        try:
            item = listing.get(pk)
            return item if item.id == pk else ProtocolError(f"It came back as {item.id}.")
        except Exception as error:  # noqa: BLE001  what is no object's is raised again
            return failure_of(error)

    asked_at = timezone.now()
    control = partial(context.reader.aside, lambda: listing.list(page=1, limit=1))
    answers = context.reader.each(get, sorted(ids))
    answered = {
        pk: answer
        for pk, answer in while_it_is_well(answers, control=control)
        if not isinstance(answer, ObjectNotFound)
    }
    items = [one for one in answered.values() if not isinstance(one, PandabaseError)]
    context.recorder.warn(
        f"{pk} could not be read: {answer}"
        for pk, answer in answered.items()
        if isinstance(answer, PandabaseError)
    )
    write = partial(
        write_rows, context, resource, silent=silent, counted=counted, asked_at=asked_at
    )
    write_in_parts(context, items, write, of=resource.name)
    return answered
