"""Installs the wheel with each of its extras alone, and imports what the extra is for.

python .ci/extras.py UV DIST
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# What a shop, or the project itself, imports because of the extra.
MODULES = {
    "beat": "django_celery_beat",
    "browser": "playwright.sync_api, axe_playwright_python",
    "demo": "environ",
    "docs": "sphinx, myst_parser, pydata_sphinx_theme",
    "metrics": "prometheus_client, pandabase_django.observing.counting",
    "postgres": "psycopg, psycopg_binary",
    "redis": "redis, kombu.transport.redis",
    "test": "pytest, pytest_django, pytest_socket, responses, hypothesis, rest_framework, gunicorn",
    "themes": "grappelli, jazzmin, unfold",
    "traces": "opentelemetry.trace, pandabase_django.observing.tracing",
}
SHOP = """
import django
from django.conf import settings
from django.core.management import call_command
apps = ["django.contrib.auth", "django.contrib.contenttypes", "pandabase_django"]
settings.configure(INSTALLED_APPS=apps, PANDABASE={"ENCRYPTION_KEYS": []}, SECRET_KEY="x")
django.setup()
import pandabase_django.client, pandabase_django.tasks
"""


def main() -> None:
    uv, folder = sys.argv[1], Path(sys.argv[2])
    (wheel,) = folder.glob("*.whl")
    extras = _extras(wheel)
    if extras != set(MODULES):
        sys.exit(f"The table names {sorted(MODULES)}, the wheel has {sorted(extras)}.")
    for extra in sorted(extras):
        with tempfile.TemporaryDirectory() as place:
            run(uv, "venv", "--quiet", "--python", sys.executable, place)
            python = f"{place}/bin/python"
            run(uv, "pip", "install", "--quiet", "--python", python, f"{wheel}[{extra}]")
            run(python, "-W", "ignore", "-c", f"{SHOP}\nimport {MODULES[extra]}")
        sys.stdout.write(f"{extra}: {MODULES[extra]}\n")


def _extras(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return set(re.findall(r"^Provides-Extra: (.+)$", packed.read(name).decode(), re.M))


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
