"""Keeps the databases of a release: ``python -m tests.database.released.make 0.1.0``.

Run once for each release, with its code and DATABASE_URL of a PostgreSQL; needs pg_dump. A shop is
filled as for the browser's tests, so that nearly every table has rows. What was kept is never made
again.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pandabase_django.crypto.keyring import generate_key
from tests.browser.shop import running_shop
from tests.worker import tables

__all__ = ["FOLDER", "LOOK", "migrations"]

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
LOOK = ("-m", "tests.database.released.look")


def main(version: str) -> None:
    key = generate_key()  # of a sandbox's secrets alone, so that it may be kept
    tables.begin()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.sqlite3"
        seen = _fill(Path(folder), f"sqlite:///{file}", key)
        with sqlite3.connect(file) as database:
            _keep(f"{version}-sqlite", "\n".join(database.iterdump()))
    with tempfile.TemporaryDirectory() as folder, tables.empty_database() as url:
        other = _fill(Path(folder), url, key)
        dump = ("pg_dump", "--inserts", "--no-owner", "--no-privileges", "--dbname", url)
        lines = subprocess.run(dump, check=True, capture_output=True, text=True).stdout.splitlines()
        # Lines with a backslash are for psql alone.
        _keep(f"{version}-postgresql", "\n".join(line for line in lines if line[:1] != "\\"))
    tables.remove()
    kept = {"key": key, "sqlite": seen, "postgresql": other, "migrations": migrations()}
    (FOLDER / f"{version}.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def migrations() -> dict[str, str]:
    """A digest of each migration: one that was released is never edited."""
    files = sorted((ROOT / "pandabase_django" / "migrations").glob("0*.py"))
    return {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _fill(folder: Path, url: str, key: str) -> Any:
    changes = {"DATABASE_URL": url, "PANDABASE_ENCRYPTION_KEYS": key}
    with running_shop(folder, orders=200, changes=changes) as shop:
        seen = json.loads(shop.run(*LOOK))
    return {"rows": seen["rows"], "secrets": seen["secrets"]}


def _keep(name: str, text: str) -> None:
    (FOLDER / f"{name}.sql.xz").write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    os.environ.setdefault("PGCONNECT_TIMEOUT", "5")
    main(sys.argv[1])
