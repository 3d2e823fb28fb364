"""What pages take from the code when the site is built: columns, methods, operations.

What a column means is said in the model's docstring, under ``Attributes:``, or by the help text
that the admin shows. A test fails for a column of which neither says anything.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, cast

from django.apps import apps
from django.db import models
from django.utils.translation import override

HEADING = re.compile(r"^(?:Attributes|Args|Raises):$", re.M)
ENTRY = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.M)

# The first that fits; ``get_internal_type`` says what a field of our own is stored as.
KINDS = {
    "AutoField": "number",
    "BigAutoField": "number",
    "BigIntegerField": "whole number",
    "BooleanField": "truth value",
    "CharField": "text",
    "DateTimeField": "time (aware, UTC)",
    "FloatField": "number",
    "IntegerField": "whole number",
    "JSONField": "JSON",
    "PositiveBigIntegerField": "whole number",
    "PositiveIntegerField": "whole number",
    "PositiveSmallIntegerField": "whole number",
    "TextField": "text",
    "UUIDField": "UUID",
}


def all_models() -> list[type[models.Model]]:
    """The app's models, in the order of their names."""
    return sorted(apps.get_app_config("pandabase").get_models(), key=lambda model: model.__name__)


def text_of(model: type[Any]) -> str:
    """What its docstring says, without the sections on columns and the like."""
    return HEADING.split(inspect.cleandoc(model.__dict__["__doc__"] or ""))[0].strip()


def described(model: type[Any]) -> dict[str, str]:
    """What the docstrings of a model and its bases say of attributes, by their names."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = doc.partition("\nAttributes:\n")[2]
        found |= {name: " ".join(text.split()) for name, text in ENTRY.findall(section)}
    return found


def meaning_of(model: type[Any], field: models.Field[Any, Any]) -> str:
    """What a column means; "" when nothing says so."""
    if isinstance(field, models.AutoField):
        return "Number of the row."
    with override("en"):
        return described(model).get(field.name, "") or str(field.help_text)


def kind_of(field: models.Field[Any, Any]) -> str:
    """How it is stored, in which unit, and whether it may be empty."""
    if isinstance(field, models.ForeignKey):
        other = field.related_model  # its name, where the model is abstract
        kind = f"a `{getattr(other, '__name__', '') or str(other).rpartition('.')[2]}`"
    elif type(field).__name__ == "SealedField":
        kind = "sealed secret"
    else:
        kind = KINDS[field.get_internal_type()]
    if field.name.endswith("_minor"):
        names = {other.name for other in field.model._meta.fields}
        kind = f"minor units of the {'`currency`' if 'currency' in names else 'currency'}"
    if field.primary_key:
        kind += ", primary key"
    return f"{kind}, or empty" if field.null else kind


def own_columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """A model's columns, without those that every mirrored row has."""
    mirror = _mirror_row()
    shared = {field.name for field in mirror._meta.fields} if issubclass(model, mirror) else set()
    return [field for field in model._meta.concrete_fields if field.name not in shared]


def dictionary() -> str:
    """Every column of every model, as Markdown."""
    mirror = _mirror_row()
    parts = ["## Every mirrored row\n", _prose(mirror), *_table(mirror, mirror._meta.fields)]
    for model in all_models():
        parts += [f"\n## {model.__name__}\n", _prose(model)]
        if issubclass(model, mirror):
            parts += ["\nBesides the columns of [every mirrored row](#every-mirrored-row):\n"]
        parts += _table(model, own_columns(model))
    return "\n".join(parts)


def operations() -> str:
    """Every operation of the Store API, as Markdown."""
    from pandabase_django.api.operations import OPERATIONS

    rows = ["| name | request | permission | query |", "|---|---|---|---|"]
    for name, operation in OPERATIONS.items():
        path = operation.path.partition("{store_id}")[2] or "/"
        query = ", ".join(f"`{key}`" for key in sorted(operation.query))
        needed = f"`{operation.permission}`" if operation.permission else ""
        rows.append(f"| `{name}` | {operation.method} `{path}` | {needed} | {query} |")
    return "\n".join(rows)


def methods() -> str:
    """Every method of the client, as Markdown."""
    from pandabase_django.api.resources import Namespaces

    parts = []
    for name, space in vars(Namespaces(cast("Any", None))).items():
        rows = [
            f"| `client.{name}.{method}({_taken(found)})` | {str(found.__doc__).splitlines()[0]} |"
            for method, found in inspect.getmembers(type(space), inspect.isfunction)
            if not method.startswith("_")
        ]
        parts += [f"\n{text_of(type(space))}\n", "| method | |", "|---|---|", *rows]
    return "\n".join(parts)


def _taken(method: Any) -> str:
    """What a method takes that not all others take, with the types of bodies and filters."""
    parts = []
    for one in list(inspect.signature(method).parameters.values())[1:]:
        if one.name in ("timeout", "idempotency_key", "page", "limit"):
            continue
        if one.kind is one.VAR_KEYWORD:
            parts.append(f"**{one.annotation.removeprefix('Unpack[').removesuffix(']')}")
        elif one.name == "body":
            parts.append(f"body: {one.annotation.partition(' ')[0]}")
        else:
            parts.append(one.name)
    return ", ".join(parts)


def _mirror_row() -> type[models.Model]:
    from pandabase_django.models import MirrorRow

    return MirrorRow


def _prose(model: type[models.Model]) -> str:
    return text_of(model).replace("``", "`") + "\n"


def _table(model: type[models.Model], fields: Any) -> Iterator[str]:
    yield "| column | is | meaning |"
    yield "|---|---|---|"
    for field in fields:
        meaning = meaning_of(model, field)
        if field.choices:
            values = ", ".join(f"`{value}`" for value, _ in field.flatchoices if value)
            meaning += f" One of {values}."
        yield f"| `{field.name}` | {kind_of(field)} | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|").strip()


def setup(app: Any) -> dict[str, bool]:
    """As a Sphinx extension: the directive ``from-code``."""
    from docutils import nodes
    from sphinx.util.docutils import SphinxDirective

    pages = {"dictionary": dictionary, "methods": methods, "operations": operations}

    class FromCode(SphinxDirective):
        required_arguments = 1

        def run(self) -> list[nodes.Node]:
            text = pages[self.arguments[0]]()
            return self.parse_text_to_nodes(text, allow_section_headings=True)

    app.add_directive("from-code", FromCode)
    return {"parallel_read_safe": True}
