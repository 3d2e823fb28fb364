"""The sandbox's tables of bodies say what the vendor's description says, where that is at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox.api.bodies import BODIES
from pandabase_django.sandbox.api.validation import Field
from tests.facts.store_api import shape

DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "store-api" / "core-openapi.json"
pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason="the vendor's file is not at hand")

KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
HTTPS_OR_NOT = "https?://.+"
"""A setting lets endpoints have http addresses of this machine, so the table takes both."""


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    if "anyOf" not in schema:
        return [schema]
    return [option for inner in schema["anyOf"] for option in _options(inner)]


def _field(schema: dict[str, Any], *, required: bool) -> Field:
    """What a schema says, in the sandbox's words."""
    options = _options(schema)
    nullable = {"type": "null"} in options
    kept = [option for option in options if option != {"type": "null"}]
    if len(kept) > 1 or "enum" in kept[0]:
        choices = tuple(sorted(value for option in kept for value in option["enum"]))
        return Field(str, required=required, nullable=nullable, choices=choices)
    (found,) = kept
    if not found:
        return Field(object, required=required)
    each: Any = None
    if found["type"] == "array":
        items = found["items"]
        each = _fields(items) if "properties" in items else _field(items, required=False)
    elif found["type"] == "object":
        each = _field(found["additionalProperties"], required=False)
    bounds = [
        next((found[name] for name in names if name in found), None)
        for names in (("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems"))
    ]
    return Field(
        KINDS[found["type"]],
        required=required,
        nullable=nullable,
        low=bounds[0],
        high=bounds[1],
        pattern=found.get("pattern", "").removeprefix("^").removesuffix("$").replace("\\.", "."),
        format=found.get("format", ""),
        each=each,
    )


def _fields(schema: dict[str, Any]) -> dict[str, Field]:
    needed = schema.get("required", [])
    return {
        name: _field(inner, required=name in needed) for name, inner in schema["properties"].items()
    }


def _plain(fields: dict[str, Field], *, partial: bool) -> dict[str, Field]:
    """The sandbox's fields without what a description writes in another way."""
    return {name: _plain_field(field, partial=partial) for name, field in fields.items()}


def _plain_field(field: Field, *, partial: bool) -> Field:
    pattern = "https://" if field.pattern == HTTPS_OR_NOT else field.pattern.replace("\\.", ".")
    each = field.each
    if isinstance(each, dict):
        each = _plain(each, partial=False)
    elif each is not None:
        each = _plain_field(each, partial=False)
    required = field.required and not partial
    choices = tuple(sorted(field.choices))
    return replace(field, pattern=pattern, each=each, required=required, choices=choices)


def test_each_field_has_the_kind_bounds_and_values_of_the_description() -> None:
    paths = json.loads(DESCRIPTION.read_text())["paths"]
    theirs = {
        (method.upper(), shape(path.removeprefix("/stores/{storeId}"))): _fields(
            operation["requestBody"]["content"]["application/json"]["schema"]
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    ours = {
        (method, shape(path)): _plain(fields, partial=method == "PATCH")
        for (method, path), fields in BODIES.items()
        if fields is not None
    }
    assert ours.keys() == theirs.keys()
    for operation, fields in theirs.items():
        for name, field in fields.items():
            assert ours[operation].get(name) == field, (operation, name)
        assert ours[operation].keys() == fields.keys(), operation
