"""Compares counts or whole lists with the local rows, for ``compare.audit``.

Counts cost a few requests and prove little: they can agree while rows differ. The full comparison
reads every row of the lists and reports which differ and why. Line items and addresses are not in
the list of orders (Source: P-21); an order whose details are due is named as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.db.models import QuerySet

from pandabase_django.api.listing import Listing, Lists
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import MirrorRow
from pandabase_django.services.sync.compared import Comparison, Count
from pandabase_django.services.sync.mirror.comparison import Difference, compare_each
from pandabase_django.services.sync.mirror.resource import Resource as Definition
from pandabase_django.services.sync.readings.append import Append
from pandabase_django.services.sync.readings.counts import Counts, StatusCounts
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.readings.sweep import Sweep
from pandabase_django.services.sync.readings.unseen import Query, Seen, Unseen, sentence
from pandabase_django.services.sync.resources import resource_named, steps_of
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import exists, list_is_closed
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["compare_resource"]

EXTRAS_ASKED_FOR = 100


def compare_resource(context: RunContext, result: Comparison) -> None:
    """Compare the resource of this run, and before it those that its runs read too.

    Raises:
        MissingPermission: The token may not read the resource.
        PandabaseError: The remote or the credential failed.
    """
    name = result.run.resource
    for one in (*steps_of(name), resource_named(name)):
        if one.model is not None:
            _compare(context, result, one)


def _compare(context: RunContext, result: Comparison, resource: Definition[Any]) -> None:
    try:
        if context.full:
            _compare_list(context, result, resource)
        elif counts := resource.reading(Counts):
            _compare_counts(result, resource, StatusCounts(context, resource, counts))
        else:
            listing = resource.listing(context.client)
            total = context.reader.one(lambda: listing.list(page=1, limit=1)).total
            here = resource.live(context.store.pk).count()
            result.counts.append(Count(resource.name, total, here))
    except PandabaseError as error:
        if not resource.step_of or not list_is_closed(error):
            raise
        result.not_compared.append(f"{resource.name.capitalize()} were not compared: {error}")


def _compare_counts(result: Comparison, resource: Definition[Any], counts: StatusCounts) -> None:
    before = f"{resource.name} " if resource.step_of else ""
    here, there = counts.here(), counts.there()
    result.counts.extend(
        Count(f"{before}{name}", count, here[name]) for name, count in there.by_status.items()
    )
    if there.refused:
        named = ", ".join(there.refused)
        result.not_compared.append(
            f"The remote refuses to count {resource.name} in {named}; "
            "--full compares them row by row."
        )
    if there.total is None:
        result.not_compared.append(f"The remote refuses to count all {resource.name}.")
    else:
        result.counts.append(Count(f"{before}TOTAL", there.total, sum(here.values())))


def _compare_list(context: RunContext, result: Comparison, resource: Definition[Any]) -> None:
    resource = replace(resource, listing=resource.audited or resource.listing)
    way = resource.reading(Sweep) or resource.reading(Append) or resource.reading(Newest)
    query: Query = way.query if way else {}
    others: Sequence[Query] = getattr(way, "others", ())
    name, listing = resource.name, resource.listing(context.client)

    def fetch(number: int) -> Page[Any]:
        return listing.list(page=number, limit=PAGE_SIZE, **query)

    seen = Seen()
    compared: set[str] = set()

    def compare_all(pages: Iterable[Page[Any]]) -> None:
        for page in pages:
            result.notes.extend(page.warnings)
            # Pages may overlap.
            fresh = [item for item in page.items if item.id not in compared]
            compared.update(item.id for item in fresh)
            found, problems = compare_each(resource, fresh, store_id=context.store.pk)
            result.add(found)
            result.not_compared.extend(problems)
            context.recorder.progress(done=len(compared), total=page.total)
            context.recorder.save()

    def note(page: Page[Any]) -> Page[Any]:
        seen.note(page)
        return page

    live = resource.live(context.store.pk)
    with context.recorder.step(f"audit of {name}"):
        compare_all(map(note, context.reader.pages(fetch)))
        Unseen(context, resource, others).look_for(seen, take=compare_all)
    result.rows_compared += len(compared)
    if seen.unreadable:
        result.not_compared.append(f"{seen.unreadable} of the listed {name} could not be read.")
    moved = len(seen.totals) > 1 or len(seen.ids) + seen.unreadable > seen.total
    if moved:
        result.not_compared.append(
            f"The list of {name} moved while it was read: rows may have been missed. "
            "Compare again when the store is quiet."
        )
    elif seen.lacking:
        text = sentence(name, seen.lacking, of=seen.total, orders=len(others))
        result.not_compared.append(text)
    _add_unlisted(
        context, result, live=live, seen=seen, listing=listing, whole=not (moved or seen.lacking)
    )
    result.counts.append(Count(name, max(seen.totals, default=0), live.count()))


def _add_unlisted(
    context: RunContext,
    result: Comparison,
    *,
    live: QuerySet[MirrorRow],
    seen: Seen,
    listing: Listing[Any],
    whole: bool,
) -> None:
    """Add the rows that the list does not show: of one not seen whole, what its GET denies too."""
    extra = [pk for pk in live.values_list("pk", flat=True) if pk not in seen.ids]
    asked: dict[str, bool | PandabaseError] = {}
    if isinstance(listing, Lists):  # entries of the ledger can't be asked for one by one
        asked.update(context.reader.each(partial(exists, listing.get), extra[:EXTRAS_ASKED_FOR]))
    result.add(
        Difference(
            kind=str(live.model._meta.model_name),
            id=pk,
            what="not listed",
            why=_says(asked.get(pk)),
        )
        for pk in extra
        if whole or asked.get(pk) is False
    )


def _says(found: bool | PandabaseError | None) -> str:
    if found is None:
        return "The remote does not list it."
    if isinstance(found, PandabaseError):
        return f"The remote does not list it, and asking for it failed: {found}"
    if not found:
        return "The remote does not list it, and does not find it either."
    return "The remote does not list it, but answers for it by its id."
