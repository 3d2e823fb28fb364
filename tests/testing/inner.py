"""A pytest of its own, in an empty folder, with the plugin as its entry point loads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandabase_django

__all__ = ["SETTINGS", "Outcome", "run_pytest", "write_project"]

SETTINGS = """
SECRET_KEY = "only-for-tests"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "pandabase_django"]
"""


class Outcome:
    """What it said, and the names of the tests by what became of them."""

    def __init__(self, text: str) -> None:
        self.text = text

    def names(self, word: str) -> list[str]:
        return sorted(re.findall(rf"::(\w+)(?:\[.*\])? {word}", self.text))


def write_project(folder: Path, tests: str, *, settings: str = SETTINGS) -> None:
    """A project of these settings, with these tests."""
    (folder / "inner_settings.py").write_text(settings)
    (folder / "test_inner.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")


def run_pytest(folder: Path, *options: str, django: bool = True, **environment: str) -> Outcome:
    """Run the tests of a folder, and say what became of them."""
    plugins = ["pytest_django.plugin", "pandabase_django.pytest_plugin"]
    loaded = [option for name in plugins[not django :] for option in ("-p", name)]
    root = Path(pandabase_django.__file__).parents[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    clean |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": f"{root}{os.pathsep}{folder}"}
    clean.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", *loaded, *options],
        cwd=folder,
        env={**clean, **environment},
        text=True,
        capture_output=True,
        check=False,
        timeout=200,
    )
    return Outcome(done.stdout + done.stderr)
