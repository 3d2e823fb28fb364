"""Our facts equal the vendor's files, where those are at hand."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.facts.store_api import FACTS, shape

VENDOR = Path(__file__).resolve().parents[3] / "shared" / "store-api"
pytestmark = pytest.mark.skipif(not VENDOR.exists(), reason="the vendor's files are not at hand")


def test_operations_equal_the_vendors_table() -> None:
    with (VENDOR / "endpoints.csv").open(newline="") as table:
        theirs = {
            (
                row["method"],
                shape(row["path"].removeprefix("/stores/{storeId}")),
                row["permission"],
                frozenset(row["query_parameters"].split()),
            )
            for row in csv.DictReader(table)
        }
    assert {(fact.method, fact.path, fact.permission, fact.query) for fact in FACTS} == theirs


def test_bodies_equal_the_vendors_description() -> None:
    paths = json.loads((VENDOR / "core-openapi.json").read_text())["paths"]
    theirs = {
        (method.upper(), shape(path.removeprefix("/stores/{storeId}"))): _names(
            operation.get("requestBody")
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in ("post", "put", "patch", "delete")
    }
    assert {(f.method, f.path): f.body for f in FACTS if f.method != "GET"} == theirs


def _names(found: Any) -> dict[str, Any]:
    if found is None:
        return {}
    schema = found["content"]["application/json"]["schema"] if "content" in found else found
    return {
        name: _names(field["items"]) if "properties" in field.get("items", {}) else None
        for name, field in schema["properties"].items()
    }


@pytest.mark.skipif(
    not Path(sys.executable).with_name("ruff").exists(),
    reason="what is written is formatted by Ruff",
)
def test_the_typed_dicts_are_what_the_vendors_description_gives() -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, ".ci/params.py", str(VENDOR / "core-openapi.json"), "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
