"""What a shop's type checkers see of the wheel: ``python .ci/check_types.py DIST``.

In an environment of its own, with the stubs of Django. mypy strict with and without their plugin,
and pyright strict, must refuse exactly the lines of ``tests/typing/shop.py`` that are marked as
wrong. Of the public surface, 95 % of all symbols must have a type that no checker has to guess.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "tests/typing/shop.py"
PAGE = ROOT / "docs/reference/public-api.md"
LEAST = 0.95
# basedpyright is pyright with a Node.js of its own in the wheel.
TOOLS = ("basedpyright==1.40.2", "mypy==2.4.1", "django-stubs==6.1.2", "types-requests")
SETTINGS = """
from pandabase_django.crypto.keyring import generate_key
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "pandabase_django"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
PANDABASE = {"ENCRYPTION_KEYS": [generate_key()]}
"""
MYPY = "[mypy]\nstrict = true\n"
PLUGIN = (
    f"{MYPY}plugins = mypy_django_plugin.main\n"
    "[mypy.plugins.django-stubs]\ndjango_settings_module = shop_settings\n"
)
PYRIGHT = {"typeCheckingMode": "strict", "include": ["shop.py"], "reportMissingModuleSource": False}
# Of the public modules: what they export, and where that is defined.
EXPORTS = """
import importlib, inspect, json, sys
import django; django.setup()
found = set()
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    values = [getattr(module, key) for key in module.__all__]
    for inner in [module, *filter(inspect.ismodule, values)]:
        for key in inner.__all__:
            value = getattr(inner, key)
            home = getattr(value, "__module__", None) or inner.__name__
            found.add(f"{home}.{getattr(value, '__qualname__', key)}")
print(json.dumps(sorted(found)))
"""


def main(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        venv.create(there / "venv", with_pip=True)
        install = [there / "venv/bin/python", "-m", "pip", "install", "--quiet", wheel, *TOOLS]
        subprocess.run(list(map(str, install)), check=True)
        (there / "shop.py").write_text(SHOP.read_text())
        (there / "shop_settings.py").write_text(SETTINGS)
        (there / "plain.ini").write_text(MYPY)
        (there / "plugin.ini").write_text(PLUGIN)
        (there / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
        marked = wrong_lines()
        with ThreadPoolExecutor() as at_once:
            checks = {
                "mypy": at_once.submit(mypy, there, "plain.ini"),
                "mypy with the plugin": at_once.submit(mypy, there, "plugin.ini"),
                "pyright": at_once.submit(pyright, there),
            }
            score, lacking = completeness(there)
            refused = {name: check.result() for name, check in checks.items()}
        failed = [
            f"{name}: not refused {sorted(marked - found)}, refused {sorted(found - marked)}"
            for name, found in refused.items()
            if found != marked
        ]
        print(f"{len(marked)} mistakes; {score:.1%} of the public symbols are typed.")  # noqa: T201
        if score < LEAST:
            failed += lacking
    if failed:
        sys.exit("\n".join(failed))


def wrong_lines() -> set[int]:
    """The lines on which marked statements begin."""
    lines = SHOP.read_text().splitlines()
    return {begin_of(number) for number, line in enumerate(lines, 1) if "# wrong: " in line}


def begin_of(number: int) -> int:
    """Where the statement begins that this line is of: checkers name any of its lines."""
    spans = [
        (node.lineno, node.end_lineno or 0)
        for node in ast.walk(ast.parse(SHOP.read_text()))
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]
    return max((begin for begin, end in spans if begin <= number <= end), default=number)


def run(there: Path, *command: str) -> str:
    """What a program of the environment prints; checkers end with 1 when they find something."""
    path = f"{there}/venv/bin:/usr/bin:/bin"
    done = subprocess.run(
        [f"{there}/venv/bin/{command[0]}", *command[1:]],
        cwd=there,
        capture_output=True,
        text=True,
        env={"PATH": path, "HOME": str(there), "DJANGO_SETTINGS_MODULE": "shop_settings"},
    )
    if done.returncode not in (0, 1) or not done.stdout:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def mypy(there: Path, config: str) -> set[int]:
    """The lines that mypy refuses."""
    found = run(there, "mypy", "--config-file", config, "--cache-dir", f"of-{config}", "shop.py")
    errors = [line for line in found.splitlines() if ": error:" in line]
    return {begin_of(int(re.sub(r"^shop\.py:(\d+):.*", r"\1", line))) for line in errors}


def pyright(there: Path) -> set[int]:
    """The lines that pyright refuses."""
    found = json.loads(run(there, "basedpyright", "--outputjson"))["generalDiagnostics"]
    lines = [one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"]
    return {begin_of(line) for line in lines}


def completeness(there: Path) -> tuple[float, list[str]]:
    """The part of the public symbols that have a known type, and those that have none."""
    modules = re.findall(r"^## (pandabase_django\.\w+)$", PAGE.read_text(), re.M)
    public = [module for module in modules if not module.endswith(".admin")]
    exported = set(json.loads(run(there, "python", "-c", EXPORTS, *public)))
    command = ("basedpyright", "--ignoreexternal", "--verifytypes", "pandabase_django")
    symbols: list[dict[str, Any]] = json.loads(run(there, *command, "--outputjson"))[
        "typeCompleteness"
    ]["symbols"]
    found = [
        one
        for one in symbols
        if one["isExported"] and any(name in exported for name in outer(one["name"]))
    ]
    lacking = [one["name"] for one in found if one["isTypeAmbiguous"] or not one["isTypeKnown"]]
    if len(found) < 2000:
        sys.exit(f"Only {len(found)} public symbols were found.")
    return 1 - len(lacking) / len(found), lacking


def outer(name: str) -> Iterator[str]:
    """A name, and those of what it is in."""
    parts = name.split(".")
    return (".".join(parts[:size]) for size in range(2, len(parts) + 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
