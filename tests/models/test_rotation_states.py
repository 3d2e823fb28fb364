"""The groups of a rotation's states agree with each other and with its row."""

from __future__ import annotations

import pytest
from django.utils import timezone

from pandabase_django.models import RotationAttempt

State = RotationAttempt.State
ENDS = (State.DONE, State.FAILED_SAFE)


@pytest.mark.parametrize("state", list(State))
def test_each_open_rotation_moves_by_itself_or_needs_a_person(state: str) -> None:
    attempt = RotationAttempt(state=state)
    assert attempt.is_open
    assert (attempt.moves_by_itself or attempt.needs_a_person) is (state not in ENDS)
    # Watching waits for time, and a person may end it sooner.
    assert (attempt.moves_by_itself and attempt.needs_a_person) is (state == State.WATCHING)
    assert attempt.needs_a_secret is (attempt.needs_a_person and not attempt.moves_by_itself)


@pytest.mark.parametrize("state", list(State))
def test_a_closed_rotation_needs_nothing(state: str) -> None:
    attempt = RotationAttempt(state=state, closed_at=timezone.now())
    asked = (attempt.moves_by_itself, attempt.needs_a_person, attempt.needs_a_secret)
    assert (attempt.is_open, attempt.is_held, *asked) == (False,) * 5
