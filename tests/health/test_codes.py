"""Scripts read the codes of findings: the page has each of them, and they mean one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pandabase_django import checks
from pandabase_django.services.health import report

ROOT = Path(__file__).resolve().parents[2]
HEALTH = ROOT / "pandabase_django/services/health"


def literals(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Codes as they are written down, with the levels beside them."""
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Finding", "Counted"):
            named = {word.arg: word.value for word in node.keywords}
            parts += [named.get("code"), named.get("level")] if "code" in named else node.args
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_finding":
            parts += node.args[1:]
        elif isinstance(node, ast.Tuple):
            parts += node.elts
        code, level = (*parts, None, None)[:2]
        levels = {
            found.attr.lower()
            for found in ast.walk(level or ast.Pass())
            if isinstance(found, ast.Attribute) and getattr(found.value, "id", "") == "Level"
        }
        if isinstance(code, ast.Constant) and (levels or isinstance(node, ast.Call)):
            yield str(code.value), levels


def in_code() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in HEALTH.rglob("*.py"):
        for code, levels in literals(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(code, set()).update(levels)
    return found


def on_page() -> dict[str, set[str]]:
    text = (ROOT / "docs/reference/findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.M)
    assert len(rows) == len(dict(rows)), "a code is listed twice"
    levels = {"error", "warning", "note", "ok"}
    return {code: set(re.findall(r"\w+", cell)) & levels for code, cell in rows}


def test_the_page_has_every_code_with_its_levels() -> None:
    written, shown = in_code(), on_page()
    assert sorted(written) == sorted(shown)
    assert len(written) > 50
    # A level that is decided elsewhere stands beside no code.
    wrong = {code for code, levels in written.items() if not levels <= shown[code]}
    assert wrong == set()


def test_every_finding_is_made_where_its_code_can_be_read() -> None:
    """A code that is put together of parts could be on no page."""
    made = sorted(
        f"{path.stem}: {ast.unparse(word.value)}"
        for path in HEALTH.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Finding", "Counted")
        for word in node.keywords
        if word.arg == "code" and not isinstance(word.value, ast.Constant)
    )
    assert made == [
        "actions: code",
        "counted: one.code",
        "report: code",
        "report: message.id or 'settings'",
        "rotation: code",
        "webhooks: code",
    ]


def test_the_page_has_the_ids_of_all_system_checks_and_says_which_are_findings() -> None:
    source = (HEALTH / "system.py").read_text(encoding="utf-8")
    called = ast.unparse(ast.parse(Path(report.__file__).read_text(encoding="utf-8")))
    ids = {
        found
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and f"system.{node.name}(" in called
        for found in re.findall(r"pandabase\.[EW]\d{3}", ast.unparse(node))
    }
    page = (ROOT / "docs/reference/findings.md").read_text(encoding="utf-8")
    findings, others = (
        set(re.findall(r"^\| `(pandabase\.[EWI]\d{3})`", part, re.M))
        for part in page.split("\n## What only `manage.py check` reports\n")
    )
    assert findings == ids
    assert "pandabase.E001" in ids
    assert findings | others == set(re.findall(r"^(pandabase\.\w+) ", checks.__doc__ or "", re.M))
    assert not findings & others
