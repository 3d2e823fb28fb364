"""A pooler in transaction mode gives each transaction any of its connections to PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pandabase_django.sandbox import Sandbox
from tests.worker.pooler import transaction_pooler
from tests.worker.shop import PATIENCE_SECONDS, ROOT, Shop
from tests.worker.tables import fresh_database

pytestmark = [pytest.mark.worker, pytest.mark.postgres]

ROUNDS = 5


@pytest.fixture
def sandboxes() -> Iterator[list[Sandbox]]:
    with (
        Sandbox(seed=3, products=150, orders=60) as one,
        Sandbox(seed=4, products=160, orders=70) as two,
    ):
        yield [one, two]


@pytest.fixture
def pooled(sandboxes: list[Sandbox]) -> Iterator[Shop]:
    """A shop of two stores behind a pooler; its tables were made without it."""
    with (
        # Not pytest's own: the pooler runs as a user who may not enter that.
        tempfile.TemporaryDirectory(prefix="pandabase-pgbouncer-") as folder,
        fresh_database() as url,
        transaction_pooler(url, connections=2, folder=Path(folder)) as pooled_url,
        closing(Shop(pooled_url)) as shop,
    ):
        for sandbox in sandboxes:
            shop.open(sandbox)
        yield shop


def test_forked_workers_of_two_stores_read_and_write_their_own_rows_alone(pooled: Shop) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.worker.forked", str(ROUNDS)],
        env=pooled.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
