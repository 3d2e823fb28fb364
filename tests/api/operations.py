"""Calls each method of a client once, with an answer that every one of them can read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

__all__ = ["ANSWER", "arguments_of", "methods_of"]

# An object and a page in one.
ANSWER: dict[str, Any] = {
    "id": "x_1",
    "secret": "whsec_of_a_test_1234567890",
    "items": [],
    "pagination": {"page": 1, "limit": 100, "total": 0, "totalPages": 0},
    "valid": True,
    "accepted": 0,
    "duplicates": 0,
    "rejected": [],
}
_GIVEN: dict[str, Any] = {
    "body": {},
    "events": [],
    "format": "csv",
    "reveal": lambda: "AAAA-BBBB",
    "filters": {},
    "product_id": "x_2",
    "meter_id": "x_3",
    "subscription_id": "x_4",
}


def methods_of(client: Any, base: type) -> Iterator[tuple[str, Any]]:
    """``orders.get`` and the like, with the bound method."""
    for name, space in sorted(vars(client).items()):
        if isinstance(space, base):
            for method, bound in inspect.getmembers(space, callable):
                if not method.startswith("_") and inspect.ismethod(bound):
                    yield f"{name}.{method}", bound


def arguments_of(name: str, method: Any) -> tuple[list[Any], dict[str, Any]]:
    """What a method needs, positional and by name; an id is ``x_1`` where it is the only one."""
    needed = [
        one
        for one in inspect.signature(method).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    # The only list that can't be asked for without a filter.
    filters = {"subscription_id": "x_4"} if name.startswith("usage.") and not needed else {}
    return [_GIVEN.get(one.name, "x_1") for one in needed], filters
