"""Customers, as the Store API lists them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.validation import Field, check_query, paging
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import customer_form, listed_customers

__all__ = ["edit_customer", "get_customer", "list_customers", "remove_customer"]

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
    wanted = paging(query, cap=call.services.settings.page_cap)
    state = call.state
    total = state.customer_count() - len(state.removed_customers)
    sort, newest_first = query.get("sortBy", "createdAt"), query.get("sortOrder") != "asc"
    indexes = listed_customers(state)
    if newest_first:
        indexes = indexes[::-1]
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
    there = 0 <= index < call.state.customer_count()
    if not there or index in call.state.removed_customers:
        return failure(404, "Customer not found")
    return success(customer_form(call.state, index))


def edit_customer(state: StoreState, change: Json) -> list[str]:
    """A change: the customer of this ``id`` or ``index`` is shown with these ``fields``."""
    index = _index(state, change)
    state.customer_fields.setdefault(index, {}).update(deepcopy(change.get("fields", {})))
    return [state.ids.make("customer", index)]


def remove_customer(state: StoreState, change: Json) -> list[str]:
    """A change: neither the list nor a GET shows the customer any more; orders still name it."""
    index = _index(state, change)
    state.removed_customers.add(index)
    return [state.ids.make("customer", index)]


def _index(state: StoreState, change: Json) -> int:
    index = state.ids.index_of("customer", str(change["id"])) if "id" in change else change["index"]
    if index is None or not 0 <= int(index) < state.customer_count():
        raise LookupError(f"no such customer: {change.get('id', change.get('index'))!r}")
    return int(index)


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
