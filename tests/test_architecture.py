"""The house stays easy to enter. Who may import whom is proved by import-linter (setup.cfg)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pandabase_django

MOST_MODULES = 13
MOST_ARGUMENTS = 8
# Each argument is an option of a command, or of a checkout, whose names others rely on.
AS_THE_COMMAND = {"add_token", "Sandbox.__init__", "open_checkout"}
ROOT = Path(pandabase_django.__file__).parent


def test_no_folder_has_more_modules_than_one_can_look_over() -> None:
    # Django looks for migrations and commands in one folder each.
    prescribed = {ROOT / "migrations", ROOT / "management" / "commands"}
    folders = {path.parent for path in ROOT.rglob("*.py")} - prescribed
    sizes = {
        str(folder.relative_to(ROOT.parent)): sum(
            path.name != "__init__.py" for path in folder.glob("*.py")
        )
        for folder in folders
    }
    assert len(sizes) > 30
    too_large = {name: size for name, size in sizes.items() if size > MOST_MODULES}
    assert too_large == {}


def test_no_function_has_more_arguments_than_one_can_keep_in_mind() -> None:
    found = {
        name: count
        for path in sorted(ROOT.rglob("*.py"))
        for name, count in _arguments(ast.parse(path.read_text()), inside="")
        if count > MOST_ARGUMENTS
    }
    assert found.keys() == AS_THE_COMMAND


def test_the_glossary_defines_each_term_once_in_order() -> None:
    text = (ROOT.parent / "docs" / "glossary.md").read_text()
    terms = [line[2:].partition("**:")[0] for line in text.splitlines() if line.startswith("**")]
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=lambda term: term.lower().replace("-", ""))


def _arguments(tree: ast.AST, *, inside: str) -> Iterator[tuple[str, int]]:
    """Each function below this node, and how many arguments its callers may give."""
    for node in ast.iter_child_nodes(tree):
        name = f"{inside}{getattr(node, 'name', '')}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield name, sum(argument.arg not in ("self", "cls") for argument in given)
        is_class = isinstance(node, ast.ClassDef)
        yield from _arguments(node, inside=f"{name}." if is_class else inside)
