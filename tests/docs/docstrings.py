"""What docstrings of public names lack; ``python -m tests.docs.docstrings`` counts it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLES", "lacks", "public"]

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/public-api.md"
# Classes of the admin are there to be subclassed: what they have is internal.
MODULES = [
    name
    for name in re.findall(r"^## (pandabase_django\.\w+)$", PAGE.read_text("utf-8"), re.M)
    if not name.endswith(".admin")
]
ELSEWHERE = re.compile(r"\b(?:[Ss]ee|those of) ``")

EXAMPLES = {
    *("access.access", "access.access_required", "access.has_access", "access.prefetch_access"),
    *("actions.cancel_subscription", "actions.evidence_for", "actions.refund"),
    *("checkout.estimate_checkout", "checkout.open_checkout"),
    *("events.on_event", "events.on_paid"),
    *("services.client_for", "services.close_month"),
    "usage.record_usage",
}
"""What shops call most: each has an example."""


def public() -> Iterator[tuple[str, Any]]:
    """Functions and classes that modules export, and what these classes have themselves."""
    found: dict[int, tuple[str, Any]] = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                found.setdefault(id(value), (f"{module.__name__}.{name}", value))
    for name, value in found.values():
        yield name, value
        for own, member in vars(value).items() if inspect.isclass(value) else ():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            ours = getattr(function, "__module__", "").startswith("pandabase_django")
            if inspect.isfunction(function) and ours and not own.startswith("_"):
                yield f"{name}.{own}", function


def lacks(name: str, value: Any) -> list[str]:
    """What the docstring of a public name does not say."""
    text = inspect.cleandoc(value.__dict__.get("__doc__") or value.__doc__ or "")
    if not text or (inspect.isclass(value) and "__doc__" not in value.__dict__):
        return ["a docstring"]
    if inspect.isclass(value) or ELSEWHERE.search(text):
        return []
    found = []
    parameters = [key for key in inspect.signature(value).parameters if key not in ("self", "cls")]
    if len(parameters) > 1:  # of a single one the sentence speaks
        found = [key for key in parameters if not re.search(rf"\b{key}\b", text)]
    if _raises(value) and "Raises:" not in text:
        found.append("what it raises")
    if name.partition(".")[2] in EXAMPLES and "::\n" not in text:
        found.append("an example")
    return found


def _raises(function: Any) -> bool:
    """Whether the body itself raises, and not a function within it."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    waiting: list[Any] = list(getattr(tree, "body", []))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
    return False


if __name__ == "__main__":
    import django

    django.setup()
    names = dict(public())
    missing = {name: found for name, value in names.items() if (found := lacks(name, value))}
    for name, found in missing.items():
        sys.stdout.write(f"{name}: {', '.join(found)}\n")
    sys.stdout.write(f"{len(names) - len(missing)} of {len(names)} public names are documented.\n")
