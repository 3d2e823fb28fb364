"""What the Store API accepts in queries and bodies, as tables. Source: P-09, P-19."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pandabase_django.sandbox.seed.timeline import iso, moment_ms
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["Field", "Invalid", "Paging", "check_body", "check_query", "paging"]

_URI = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII)
"""The characters of RFC 3986."""
_INTEGER = re.compile(r"-?[0-9]{1,1000}", re.ASCII)


class Invalid(Exception):
    """A query (400) or a body (422) is not acceptable."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Field:
    """What one field of a body, or one query parameter, may hold."""

    kind: type
    """Of JSON; ``object`` is anything."""
    required: bool = False
    nullable: bool = False
    low: int | None = None
    """Least value of a number, least length of a text or list."""
    high: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    format: str = ""
    """One of ``_FORMATS``."""
    each: Field | dict[str, Field] | None = None
    """What every member of a list must be; of an object, its fields, or what each value must be."""


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
    page = _number(query, "page", default=1, low=1)
    limit = _number(query, "limit", default=default_limit, low=1, high=100)
    return Paging(page, min(limit, cap) if cap else limit)


def _number(
    query: dict[str, str], name: str, *, default: int, low: int, high: int | None = None
) -> int:
    text = query.get(name)
    if text is None:
        return default
    fits = _INTEGER.fullmatch(text) and int(text) >= low and (high is None or int(text) <= high)
    if not fits:
        end = "on" if high is None else f"to {high}"
        raise Invalid(f"{name} must be an integer from {low} {end}", status=400)
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
        low, high = field.low or 0, len(text) if field.high is None else field.high
        if not low <= len(text) <= high:
            raise Invalid(f"{name} must have {low} to {high} characters", status=400)
        if field.format and not _FORMATS[field.format](text):
            raise Invalid(f"{name} must be a {field.format}", status=400)


def check_body(body: Any, fields: dict[str, Field], *, partial: bool = False) -> Json:
    """A body whose fields are all known and acceptable, written as answers write them.

    1.0 is the integer that it is, and a time is of UTC and has milliseconds (P-25).

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
            body[name] = _checked(name, body[name], field)
        elif field.required and not partial:
            raise Invalid(f"{name} is required", status=422)
    return body


def _checked(name: str, value: Any, field: Field) -> Any:
    if value is None and field.nullable:
        return None
    if field.kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    fits: bool = isinstance(value, field.kind)
    if not fits or (field.kind is int and isinstance(value, bool)):
        raise Invalid(f"{name} must be {_KIND_WORDS[field.kind]}", status=422)
    if field.choices and value not in field.choices:
        raise Invalid(f"{name} must be one of {', '.join(field.choices)}", status=422)
    right = not field.pattern or re.fullmatch(field.pattern, value, re.DOTALL)
    if not right or (field.format and not _FORMATS[field.format](value)):
        raise Invalid(f"{name} has the wrong format", status=422)
    _check_size(name, value, field)
    if field.format == "date-time":
        return iso(moment_ms(value) or 0)
    if isinstance(value, dict) and isinstance(field.each, dict):
        return check_body(value, field.each)
    if isinstance(value, dict) and isinstance(field.each, Field):
        return {key: _checked(f"{name}.{key}", one, field.each) for key, one in value.items()}
    if isinstance(value, list) and field.each is not None:
        return [_member(f"{name}[{at}]", one, field.each) for at, one in enumerate(value)]
    return value


def _check_size(name: str, value: Any, field: Field) -> None:
    if field.low is None and field.high is None:
        return
    size = value if isinstance(value, int) else len(value)
    if size < (field.low or 0) or (field.high is not None and size > field.high):
        raise Invalid(f"{name} is out of range", status=422)


def _member(name: str, value: Any, each: Field | dict[str, Field]) -> Any:
    if isinstance(each, Field):
        return _checked(name, value, each)
    try:
        return check_body(value, each)
    except Invalid as error:
        raise Invalid(f"{name}: {error}", status=422) from error


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname) and _URI.fullmatch(text) is not None
    except ValueError:
        return False


_FORMATS = {"date-time": lambda text: moment_ms(text) is not None, "uri": _is_uri}
_KIND_WORDS = {
    str: "a text",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
