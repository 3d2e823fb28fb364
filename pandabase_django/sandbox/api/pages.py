"""One page of a list that is at hand. Source: P-19."""

from __future__ import annotations

from collections.abc import Sequence

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.validation import paging
from pandabase_django.sandbox.http.wire import Response
from pandabase_django.sandbox.store.held import HeldItems
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.views import item_form

__all__ = ["page_of", "page_of_held"]


def page_of(call: Call, entries: Sequence[Json], *, default_limit: int = 25) -> Response:
    """The page that the query asks for.

    Raises:
        Invalid: With status 400.
    """
    query, cap = call.request.query(), call.services.settings.page_cap
    wanted = paging(query, default_limit=default_limit, cap=cap)
    shown = [dump_json(entry) for entry in entries[wanted.start : wanted.start + wanted.limit]]
    return Response(
        200, page(shown, page_number=wanted.page, limit=wanted.limit, total=len(entries))
    )


def page_of_held(
    call: Call, held: HeldItems, *, asked: dict[str, str | None], default_limit: int = 25
) -> Response:
    """The page of objects that show these values (None: whatever), the newest first.

    Raises:
        Invalid: With status 400.
    """

    def matches(shown: Json) -> bool:
        return all(wanted is None or shown[name] == wanted for name, wanted in asked.items())

    indexes = held.listing(
        tuple(asked.items()),
        matches=lambda item: matches(item_form(item)),
        sort_key=lambda item: item.created_ms,
        newest_first=True,
    )
    forms = (item_form(item) for item in map(held.find, indexes) if item is not None)
    return page_of(call, list(forms), default_limit=default_limit)
