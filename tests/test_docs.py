"""What the pages say holds: links lead somewhere, blocks are Python, and names can be imported."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import runpy
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import load_command_class
from django.core.management.base import BaseCommand, CommandError

from pandabase_django import conf
from pandabase_django.schedules import beat_schedule
from tests.docs.pages import BLOCK, ROOT

DOCS = sorted(
    page for page in (ROOT / "docs").rglob("*.md") if ROOT / "docs/_build" not in page.parents
)
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.M | re.S)


APP = ROOT / "pandabase_django"
PUBLIC_MODULES = re.findall(
    r"^## (pandabase_django\.\w+)$",
    (ROOT / "docs/reference/public-api.md").read_text(encoding="utf-8"),
    re.M,
)
SETTINGS_PAGE = "docs/reference/settings.md"


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


def project_urls() -> dict[str, str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return dict(
        line.split(" = ") for line in config["metadata"]["project_urls"].strip().splitlines()
    )


def test_the_package_index_links_to_pages_issues_and_changelog() -> None:
    urls = project_urls()
    assert sorted(urls) == ["Changelog", "Documentation", "Issues", "Source"]
    assert urls["Issues"] == f"{urls['Source']}/issues"
    for name in ("Documentation", "Changelog"):
        path = urls[name].removeprefix(f"{urls['Source']}/blob/main/")
        assert (ROOT / path).is_file()


def test_the_readme_is_short_and_its_links_lead_to_the_project() -> None:
    """The package index shows it too: there is no tree around it, and no page beside it."""
    urls = project_urls()
    text = text_of("README.md")
    assert len(text.splitlines()) <= 120
    found = re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", text))
    ours = [link for link in found if link.startswith(urls["Source"])]
    assert [link for link in found if not link.startswith("https://")] == []
    assert len(ours) > 10
    missing = []
    for link in ours:
        kind, _, path = link.removeprefix(f"{urls['Source']}/").partition("/main/")
        if kind != ("raw" if path.endswith(".png") else "blob") or not (ROOT / path).is_file():
            missing.append(link)
    assert missing == []


def test_a_page_names_every_permission_that_is_not_djangos_own() -> None:
    names = {
        codename
        for model in apps.get_app_config("pandabase").get_models()
        for codename, _label in model._meta.permissions
    }
    assert len(names) > 20
    assert unnamed(names, "docs/admin.md") == []


def test_a_page_names_every_rule_that_a_shop_may_override() -> None:
    names = {
        name
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == "pandabase"
        for name in set(dir(model_admin)) - set(dir(admin.ModelAdmin))
        if re.fullmatch(r"has_\w+_permission", name)
    }
    assert "has_refund_permission" in names
    assert unnamed(names, "docs/admin.md") == []


def test_a_page_names_every_task() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (APP / "tasks").glob("*.py"))
    names = set(re.findall(r'name="(pandabase\.\w+)"', sources))
    assert len(names) > 20
    assert unnamed(names, "docs/reference/tasks.md") == []
    scheduled = text_of("docs/reference/tasks.md").split("\n## ")[1]
    rows = set(re.findall(r"^\| `(pandabase\.\w+)`", scheduled, re.M))
    assert rows == {entry["task"] for entry in beat_schedule().values()}


def test_a_page_names_every_signal() -> None:
    signals = set(re.findall(r"^(\w+) = Signal\(\)", (APP / "signals.py").read_text("utf-8"), re.M))
    assert len(signals) > 5
    assert unnamed(signals, "docs/reference/signals.md") == []


def test_a_page_has_every_command_with_every_option() -> None:
    pages = re.split(r"^### ", text_of("docs/reference/commands.md"), flags=re.M)
    sections = {page.partition("\n")[0]: page.partition("\n## ")[0] for page in pages[1:]}
    commands = {path.stem for path in (APP / "management/commands").glob("pandabase_*.py")}
    assert set(sections) == commands
    everywhere = options_of(BaseCommand())
    for name, section in sections.items():
        shown = set(re.findall(r"`(--[\w-]+)", section))
        assert shown == options_of(load_command_class("pandabase_django", name)) - everywhere, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_shows_are_called_rightly(page: Path) -> None:
    wrong = []
    text = "\n".join(
        block.replace("\\\n", " ")
        for language, block in BLOCK.findall(page.read_text(encoding="utf-8"))
        if language in ("sh", "console")
    )
    for name, line in re.findall(r"manage\.py (pandabase_\w+)(.*)", text):
        given = re.split(r" (?:[|>&#]|>)", line)[0]
        try:
            parser = load_command_class("pandabase_django", name).create_parser("manage.py", name)
            parser.parse_args(shlex.split(given))
        except (AttributeError, CommandError, ModuleNotFoundError) as error:
            wrong.append(f"{name}{given}: {error}")
    assert wrong == []


def test_help_says_what_a_command_and_each_of_its_options_is_for() -> None:
    silent = []
    for path in (APP / "management/commands").glob("pandabase_*.py"):
        command = load_command_class("pandabase_django", path.stem)
        # Inside a class ``__doc__`` is that of the class, which is for developers.
        if not command.help or command.help == command.__doc__:
            silent.append(path.stem)
        actions = command.create_parser("manage.py", path.stem)._actions
        silent += [f"{path.stem} {action.option_strings}" for action in actions if not action.help]
    assert silent == []


def options_of(command: BaseCommand) -> set[str]:
    actions = command.create_parser("manage.py", "command")._actions
    return {text for action in actions for text in action.option_strings if text[:2] == "--"}


def test_a_page_has_every_setting_with_its_default_and_range() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `(.+?)` \| (.*?) ?\|", text_of(SETTINGS_PAGE), re.M)
    shown = {name: ast.literal_eval(default) for name, default, _ in rows}
    assert {**shown, "ENCRYPTION_KEYS": ()} == dict(conf.DEFAULTS)
    source = (APP / "conf.py").read_text(encoding="utf-8")
    ranges = dict.fromkeys(conf.DEFAULTS, "") | {
        name: f"{low} to {high}".replace("_", "")
        for name, low, high in re.findall(r'"([A-Z_]+)", low=([\d._]+), high=([\d._]+)', source)
    }
    assert {name: span for name, _, span in rows} == ranges


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_the_page_of_the_public_api_has_what_a_module_exports(module: str) -> None:
    page = text_of("docs/reference/public-api.md")
    (section,) = re.findall(rf"^## {re.escape(module)}\n(.*?)^## ", page, re.M | re.S)
    rows = re.findall(r"^\| (`.*?) \|", section, re.M)
    shown = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(shown) == sorted(importlib.import_module(module).__all__)


def test_pages_import_what_is_public_alone() -> None:
    asked = set()
    for page in PAGES:
        for text in python_of(page):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    asked |= {(node.module, name.name, page.name) for name in node.names}
    internal = {
        (module, name, page)
        for module, name, page in asked
        if module.startswith("pandabase_django")
        and f"{module}.{name}" not in PUBLIC_MODULES
        and (module, name) != ("pandabase_django.access.rest", "HasAccess")
        and (module not in PUBLIC_MODULES or name not in importlib.import_module(module).__all__)
    }
    assert sorted(internal) == []


def test_the_data_dictionary_says_what_each_column_means() -> None:
    """In the model's docstring, under ``Attributes:``, or by the help text."""
    dictionary = runpy.run_path(str(ROOT / "docs/from_code.py"))
    silent, dead = [], []
    for model in dictionary["all_models"]():
        columns = {field.name: field for field in model._meta.concrete_fields}
        silent += [
            f"{model.__name__}.{name}"
            for name, field in columns.items()
            if not dictionary["meaning_of"](model, field)
        ]
        dead += [
            f"{model.__name__}.{name}"
            for name in dictionary["described"](model)
            if name not in columns
        ]
    assert (silent, dead) == ([], [])


def unnamed(names: set[str], page: str) -> list[str]:
    return sorted(name for name in names if f"`{name}`" not in text_of(page))


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")
