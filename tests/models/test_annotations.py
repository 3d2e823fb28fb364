"""Type checkers see columns and relations without the Django plugin: each one is declared."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest
from django.apps import apps
from django.db import models

MODELS = sorted(apps.get_app_config("pandabase").get_models(), key=lambda model: model.__name__)


def declared(model: type[models.Model]) -> dict[str, str]:
    """What the classes of a model declare, also for checkers alone."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith("pandabase_django."):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(tree, ast.ClassDef)
            inner = [one for node in tree.body if isinstance(node, ast.If) for one in node.body]
            for node in [*tree.body, *inner]:
                if isinstance(node, ast.AnnAssign):
                    found[ast.unparse(node.target)] = ast.unparse(node.annotation)
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_column_says_what_it_holds_and_whether_it_may_be_empty(
    model: type[models.Model],
) -> None:
    said = declared(model)
    wrong = []
    for field in model._meta.concrete_fields:
        if field.auto_created:
            continue
        holds = said.get(field.name, "")
        known = "Any" in holds or "Sealed" in holds or ("None" in holds) == field.null
        if not holds or not known or (field.name != field.attname and field.attname not in said):
            wrong.append(f"{field.name}: {holds}")
    assert wrong == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_way_back_is_declared(model: type[models.Model]) -> None:
    ways = {
        relation.get_accessor_name()
        for relation in model._meta.related_objects
        if relation.related_model._meta.app_label == "pandabase"
    }
    assert (ways | {"objects"}) - {None} <= declared(model).keys()
