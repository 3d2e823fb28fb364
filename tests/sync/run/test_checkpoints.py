"""Checkpoints: typed in the code, JSON in the cursor, and nothing in between is lost."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from pandabase_django.services.sync.orders.orders import Turn
from pandabase_django.services.sync.readings.append import End
from pandabase_django.services.sync.readings.changes import Frontier
from pandabase_django.services.sync.readings.counts import Differences
from pandabase_django.services.sync.readings.known import Known, Unread
from pandabase_django.services.sync.readings.rolling import Round
from pandabase_django.services.sync.readings.unseen import Lacking
from pandabase_django.services.sync.request_logs import Pass
from pandabase_django.services.sync.run.checkpoints import Checkpoint, Checkpoints

NOW = datetime(2026, 11, 28, 10, 15, tzinfo=timezone.utc)

pytestmark = pytest.mark.usefixtures("of_a_store")

KEPT: list[Checkpoint] = [
    Turn(at=NOW, id="ord_1", began=NOW),
    End(page=4, full_page=2, tried=1, total=320, pages=4),
    Frontier(at=NOW, left_out=2),
    Differences(unexplained={"FAILED": -1}, reported={"FAILED": -1}),
    Known(
        recent={"rfd_2": "COMPLETED", "rfd_1": "PROCESSING"},
        undecided={"rfd_1": "ord_1"},
        closed=True,
        unread=Unread(received=100, known={"rfd_0": ""}),
    ),
    Known(unread=None),
    Round(page=3, pages=9, started=NOW, hurry=True, again=True),
    Lacking(rows=-1, of=20, gap=2, at=NOW, in_vain=3),
    Pass(began=None, page=2, complete=NOW),
]


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.reading)
def test_a_checkpoint_comes_back_from_the_cursor_as_it_was(kept: Checkpoint) -> None:
    written = Checkpoints({})
    written.put("things", kept)
    stored = json.loads(json.dumps(written.to_json()))
    read = Checkpoints(stored)
    assert read.has("things", type(kept))
    assert read.of("things", type(kept)) == kept
    assert not read.has("other things", type(kept))


def test_what_is_changed_in_a_checkpoint_is_kept_and_what_nobody_opened_stays() -> None:
    stored = {"things": {"append": {"page": 2}, "rolling": {"page": 1}}, "others": {"append": {}}}
    checkpoints = Checkpoints(stored)
    checkpoints.of("things", End).page = 7
    checkpoints.drop("things", Round)
    kept = checkpoints.to_json()
    assert kept["things"]["append"]["page"] == 7
    assert kept["things"].keys() == {"append"}
    assert kept["others"] == {"append": {}}
    assert stored["things"]["append"] == {"page": 2}, "what was read is not changed"


@pytest.mark.parametrize(
    "stored",
    [
        {"page": 7, "full_page": 3, "round": {"page": 2}},  # as an older version wrote it
        {"things": {"append": {"page": "seven"}}},
        {"things": {"append": ["page", 7]}},
        {"things": {"append": 7}},
        {"things": 7},
    ],
)
def test_what_cannot_be_read_counts_as_no_checkpoint(stored: dict[str, object]) -> None:
    checkpoints = Checkpoints(stored)
    assert not checkpoints.has("things", End)
    assert checkpoints.of("things", End) == End()


def test_fields_of_a_later_version_are_passed_over() -> None:
    checkpoints = Checkpoints({"things": {"append": {"page": 3, "colour": "blue"}}})
    assert checkpoints.of("things", End) == End(page=3)
