"""What must and what must not be in the wheel."""

from __future__ import annotations

import sys
import zipfile

WANTED = (
    "pandabase_django/py.typed",
    "pandabase_django/pytest_plugin.py",
    "pandabase_django/testing/pandabase.py",
    "pandabase_django/locale/de/LC_MESSAGES/django.mo",
    "pandabase_django/migrations/0001_initial.py",
    "pandabase_django/management/commands/pandabase_sync.py",
    "pandabase_django/sandbox/checkout/files/pay.html",
    "pandabase_django/sandbox/checkout/files/sdk.js",
)
UNWANTED = ("tests/", "demo_project/", "benchmarks/")

names = zipfile.ZipFile(sys.argv[1]).namelist()
missing = [name for name in WANTED if name not in names]
missing += [
    folder
    for folder in ("pandabase_django/templates/", "pandabase_django/static/")
    if not any(name.startswith(folder) for name in names)
]
extra = [name for name in names if name.startswith(UNWANTED)]
if missing or extra:
    sys.exit(f"missing: {missing}; not wanted: {extra}")
sys.stdout.write(f"{len(names)} files, as they should be.\n")
