"""What the pages say holds: links lead somewhere, blocks are Python, and names can be imported."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin

from pandabase_django import conf

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(
    page for page in (ROOT / "docs").rglob("*.md") if ROOT / "docs/_build" not in page.parents
)
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.M | re.S)
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)


README = (ROOT / "README.md").read_text(encoding="utf-8")
APP = ROOT / "pandabase_django"


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in HEADING.findall(text)
    }


def python_of(page: Path) -> Iterator[str]:
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            yield textwrap.dedent(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    wrong = []
    for path, anchor in LINK.findall(text):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            wrong.append(f"{path}#{anchor}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_imports_from_the_app_is_there(page: Path) -> None:
    missing = []
    for text in python_of(page):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pandabase_django"):
                module = importlib.import_module(str(node.module))
                missing += [
                    f"{node.module}.{name.name}"
                    for name in node.names
                    if not hasattr(module, name.name)
                ]
    assert missing == []


def test_the_site_leads_to_every_page() -> None:
    found = {ROOT / "docs/index.md"}
    for page in DOCS:
        for toctree in TOCTREE.findall(page.read_text(encoding="utf-8")):
            names = [line for line in toctree.splitlines() if line and not line.startswith(":")]
            found |= {(page.parent / f"{name}.md").resolve() for name in names}
    assert sorted(str(page.relative_to(ROOT)) for page in found ^ set(DOCS)) == []


def test_the_readme_names_every_permission_that_is_not_djangos_own() -> None:
    names = {
        codename
        for model in apps.get_app_config("pandabase").get_models()
        for codename, _label in model._meta.permissions
    }
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in README) == []


def test_the_readme_names_every_rule_that_a_shop_may_override() -> None:
    names = {
        name
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == "pandabase"
        for name in set(dir(model_admin)) - set(dir(admin.ModelAdmin))
        if re.fullmatch(r"has_\w+_permission", name)
    }
    assert "has_refund_permission" in names
    assert sorted(name for name in names if f"`{name}`" not in README) == []


def test_the_readme_names_every_task_command_and_signal() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (APP / "tasks").glob("*.py"))
    tasks = set(re.findall(r'name="pandabase(\.\w+)"', sources))
    commands = {path.stem for path in (APP / "management/commands").glob("pandabase_*.py")}
    signals = set(re.findall(r"^(\w+) = Signal\(\)", (APP / "signals.py").read_text("utf-8"), re.M))
    assert len(tasks) > 20
    assert len(commands) > 10
    assert len(signals) > 5
    missing = [name for name in tasks if f"{name}`" not in README]
    missing += [name for name in commands if f"`{name}" not in README]
    missing += [name for name in signals if f"`{name}`" not in README]
    assert missing == []


def test_the_readme_names_every_setting() -> None:
    assert [name for name in conf.DEFAULTS if f"`{name}`" not in README] == []
