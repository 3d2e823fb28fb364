"""Every interleaving of misfortunes, on the real code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection  # noqa: F401  asked by the mark
from django.test import override_settings

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store
from tests.rotation.model import Scenario
from tests.rotation.search import Wanderer, paths
from tests.rotation.world import SETTINGS, Setting

# Thousands of short scenarios: where a commit costs a disk write they take an hour, and processes
# that take turns at commits find the same in any database.
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="runs on SQLite in memory"),
]

# Exhaustive up to so many misfortunes in one rotation; two take minutes, see `make soak`.
MISFORTUNES = int(os.environ.get("PANDABASE_ROTATION_MISFORTUNES", "1"))
SEEDS = int(os.environ.get("PANDABASE_ROTATION_SEEDS", "1"))


@pytest.fixture
def tokens(db: None) -> tuple[ApiToken, ApiToken]:
    store = Store.objects.create(id="shp_model")
    made = [
        ApiToken.objects.create(
            store=store,
            name=token_id,
            mode="HMAC",
            token_id=token_id,
            base_url="http://127.0.0.1:9",
            secret=Secret("sk_model_0000"),
            role=role,
        )
        for token_id, role in (("stk_a", "ACTIVE"), ("stk_b", "STANDBY"))
    ]
    return made[0], made[1]


@pytest.fixture(params=SETTINGS, ids=[setting.name for setting in SETTINGS])
def scenario(
    request: pytest.FixtureRequest,
    tokens: tuple[ApiToken, ApiToken],
    tmp_path: Path,
    settings: Any,
) -> Iterator[Scenario]:
    setting: Setting = request.param
    spool = tmp_path / "spool" if setting.spool else None
    if spool is not None:
        spool.mkdir(mode=0o700)
    logging.disable(logging.CRITICAL)
    with override_settings(PANDABASE={**settings.PANDABASE, "ROTATION_SPOOL": spool}):
        yield Scenario(*tokens, setting=setting, spool=spool)
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(7200)
def test_whatever_goes_wrong_the_state_tells_the_truth_and_there_is_a_way_back(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in paths(scenario, misfortunes=MISFORTUNES):
        pass
    with capsys.disabled():
        sys.stdout.write(scenario.tally.report())
    assert scenario.tally.paths > 30
    reached = {"SENT", "JOURNALED", "VERIFIED", "DONE", "FAILED_SAFE", "WATCHING", "HELD", "LOST"}
    assert reached <= scenario.tally.states


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_many_misfortunes_in_one_rotation_leave_a_way_back(scenario: Scenario, seed: int) -> None:
    random = Random(seed)
    for _ in range(25):
        scenario(Wanderer(random, misfortunes=6))
