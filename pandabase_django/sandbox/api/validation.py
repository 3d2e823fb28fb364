"""What the Store API accepts in queries and bodies, as tables. Source: P-09, P-19."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pandabase_django.sandbox.store.shapes import Json

__all__ = ["Field", "Invalid", "Paging", "check_body", "check_query", "paging"]

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class Invalid(Exception):
    """A query (400) or a body (422) is not acceptable."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Field:
    """What one field of a body, or one query parameter, may hold."""

    kind: type
    required: bool = False
    nullable: bool = False
    low: int | None = None
    """Least value of a number, least length of a text or list."""
    high: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    each: Field | dict[str, Field] | None = None
    """What every member of a list must be; of an object, its fields."""


@dataclass(frozen=True)
class Paging:
    """Which page was asked for."""

    page: int
    limit: int

    @property
    def start(self) -> int:
        """Position of its first item."""
        return (self.page - 1) * self.limit


def paging(query: dict[str, str], *, default_limit: int = 25, cap: int = 0) -> Paging:
    """``page`` from 1, ``limit`` 1 to 100. Source: P-19.

    Raises:
        Invalid: Out of range, or not a number.
    """
    page = _number(query, "page", default=1, low=1, high=10**12)
    limit = _number(query, "limit", default=default_limit, low=1, high=100)
    return Paging(page, min(limit, cap) if cap else limit)


def _number(query: dict[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise Invalid(f"{name} must be an integer from {low} to {high}", status=400)
    return int(text)


def check_query(query: dict[str, str], known: dict[str, Field]) -> None:
    """Refuse values a parameter can't take; unknown parameters are ignored.

    Raises:
        Invalid: With status 400.
    """
    for name, field in known.items():
        text = query.get(name)
        if text is None:
            continue
        if field.kind is bool and text not in ("true", "false"):
            raise Invalid(f"{name} must be true or false", status=400)
        if field.choices and text not in field.choices:
            raise Invalid(f"{name} must be one of {', '.join(field.choices)}", status=400)
        if field.high is not None and len(text) > field.high:
            raise Invalid(f"{name} must have at most {field.high} characters", status=400)


def check_body(body: Any, fields: dict[str, Field], *, partial: bool = False) -> Json:
    """A body whose fields are all known and acceptable.

    Args:
        body: Parsed JSON.
        fields: What is known.
        partial: Required fields may be left out, as PATCH allows.

    Raises:
        Invalid: With status 422.
    """
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object", status=422)
    unknown = sorted(body.keys() - fields.keys())
    if unknown:
        raise Invalid(f"Unknown fields: {', '.join(unknown)[:200]}", status=422)
    for name, field in fields.items():
        if name in body:
            _check(name, body[name], field)
        elif field.required and not partial:
            raise Invalid(f"{name} is required", status=422)
    return body


def _check(name: str, value: Any, field: Field) -> None:
    if value is None and field.nullable:
        return
    fits: bool = isinstance(value, field.kind)
    if not fits or (field.kind is int and isinstance(value, bool)):
        raise Invalid(f"{name} must be {_KIND_WORDS[field.kind]}", status=422)
    if field.choices and value not in field.choices:
        raise Invalid(f"{name} must be one of {', '.join(field.choices)}", status=422)
    if field.pattern and not re.fullmatch(field.pattern, value, re.DOTALL):
        raise Invalid(f"{name} has the wrong format", status=422)
    size = value if isinstance(value, int) else len(value)
    if (field.low is not None and size < field.low) or (
        field.high is not None and size > field.high
    ):
        raise Invalid(f"{name} is out of range", status=422)
    if isinstance(value, dict) and isinstance(field.each, dict):
        check_body(value, field.each)
    if isinstance(value, list) and field.each is not None:
        for place, member in enumerate(value):
            if isinstance(field.each, dict):
                check_body(member, field.each)
            else:
                _check(f"{name}[{place}]", member, field.each)


_KIND_WORDS = {
    str: "a text",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
