"""Times in sentences: a full stop behind one is the only one."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from django.utils.translation import override

import pandabase_django
from pandabase_django.admin.actions.texts import explain
from pandabase_django.models import RemoteAction
from pandabase_django.texts.times import clock_text, day_text, near_time_text, time_text

EVENING = datetime(2031, 5, 6, 21, 46, tzinfo=timezone.utc)
PACKAGE = Path(pandabase_django.__file__).parent


@pytest.mark.parametrize("language", ["en", "en-gb", "de", "es"])
@pytest.mark.parametrize("hour", [0, 9, 12, 21])
def test_no_time_ends_with_a_full_stop(language: str, hour: int) -> None:
    with override(language):
        for text in (time_text, clock_text, day_text, near_time_text):
            assert not text(EVENING.replace(hour=hour)).endswith(".")


def test_the_time_is_that_of_the_language() -> None:
    assert time_text(EVENING) == "May 6, 2031, 9:46 PM"
    assert (clock_text(EVENING), day_text(EVENING)) == ("9:46 PM", "May 6, 2031")
    with override("de"):
        assert (time_text(EVENING), clock_text(EVENING)) == ("6. Mai 2031 21:46", "21:46")
    assert time_text(None) == "…"


def test_a_sentence_ends_once() -> None:
    action = RemoteAction(what="REFUND", state="SENT", asked_at=EVENING, sent_at=EVENING)
    assert explain(action).happened == "The one request left at May 6, 2031, 9:46 PM."


def test_nothing_else_writes_a_time_into_a_sentence() -> None:
    """But cells of tables, where no sentence goes on."""
    code = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path, text in code.items()
        if re.search("(DATETIME|TIME)_FORMAT", text)
    }
    assert found == {"texts/times.py", "admin/base/display.py"}
