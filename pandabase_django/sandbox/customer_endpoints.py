"""Customers, as the Store API lists them."""

from __future__ import annotations

from collections.abc import Iterable

from pandabase_django.sandbox.context import Call
from pandabase_django.sandbox.readings import customer_form
from pandabase_django.sandbox.shapes import Json, dump_json, page
from pandabase_django.sandbox.state import StoreState
from pandabase_django.sandbox.validation import Field, check_query, paging
from pandabase_django.sandbox.wire import Response, failure, success

__all__ = ["get_customer", "list_customers"]

_SORTS = ("email", "totalSpent", "orderCount", "createdAt")


def list_customers(call: Call) -> Response:
    """Newest first by default. Another order or a search reads every customer: slow on purpose."""
    query = call.request.query()
    check_query(
        query,
        {
            "sortBy": Field(str, choices=_SORTS),
            "sortOrder": Field(str, choices=("asc", "desc")),
            "search": Field(str, high=128),
        },
    )
    wanted = paging(query)
    state, total = call.state, call.state.customer_count()
    sort, newest_first = query.get("sortBy", "createdAt"), query.get("sortOrder") != "asc"
    indexes = range(total - 1, -1, -1) if newest_first else range(total)
    start, stop = wanted.start, wanted.start + wanted.limit
    if sort == "createdAt" and not query.get("search"):
        items = [customer_form(state, index) for index in indexes[start:stop]]
    else:
        matching = _matching(state, indexes, query.get("search", ""))
        matching.sort(key=lambda form: _sort_key(form, sort), reverse=newest_first)
        total, items = len(matching), matching[start:stop]
    texts = [dump_json(item) for item in items]
    return Response(200, page(texts, page_number=wanted.page, limit=wanted.limit, total=total))


def get_customer(call: Call) -> Response:
    """One customer."""
    index = call.index("customer")
    if not 0 <= index < call.state.customer_count():
        return failure(404, "Customer not found")
    return success(customer_form(call.state, index))


def _matching(state: StoreState, indexes: Iterable[int], search: str) -> list[Json]:
    needle = search.lower()
    forms = (customer_form(state, index) for index in indexes)
    return [
        form
        for form in forms
        if any(needle in str(form[key] or "").lower() for key in ("email", "firstName", "lastName"))
    ]


def _sort_key(form: Json, sort: str) -> tuple[object, str]:
    value = form[sort]
    return ("" if value is None else value, form["id"])
