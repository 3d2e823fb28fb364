"""What is looked at before a secret is rolled, and what that leaves behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import RotationContext, preflight, watch_rotations
from pandabase_django.services.rotation.preflight import CANARY_REASON
from pandabase_django.services.tokens.connection import retire_token
from tests.rotation.conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("retired", "is retired."),
        ("signer retired", "is retired."),
        ("no id", "has no token id (stk_…) to roll it by."),
    ],
)
def test_nothing_is_written_or_sent_once_something_is_in_the_way(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, case: str, problem: str
) -> None:
    bad = standby if case == "signer retired" else token
    if case == "no id":
        ApiToken.objects.filter(pk=bad.pk).update(mode="BEARER", token_id="")
    else:
        retire_token(bad)
    bad.refresh_from_db()
    before = sandbox.requests_served
    report = preflight(token, signer=standby, flip=True)
    assert [check.name for check in report.checks] == ["token", "signer", "open", "seal"]
    assert report.problems == (f"The token {bad.name} {problem}",)
    assert sandbox.requests_served == before


def test_nothing_is_sent_while_an_answer_could_not_be_kept(
    token: ApiToken, sandbox: Sandbox, settings: Any, tmp_path: Path
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(tmp_path / "missing")}
    before = sandbox.requests_served
    report = preflight(token, flip=True)
    assert [check.name for check in report.checks if check.ok] == [
        *("token", "signer", "open", "seal", "journal")
    ]
    assert report.checks[-1].name == "spool"
    assert sandbox.requests_served == before


def test_a_store_without_an_active_token_has_nobody_to_compare_with(
    token: ApiToken, standby: ApiToken
) -> None:
    retire_token(token)
    report = preflight(standby, flip=True)
    assert report.ok
    assert report.checks[-1].message == "No other token is active."


def test_only_trial_rows_that_a_dead_process_left_are_removed(
    token: ApiToken, context: RotationContext, clock: Clock
) -> None:
    def left(reason: str, version: int, **age: float) -> RotationAttempt:
        at = clock.now - timedelta(**age)
        return RotationAttempt.objects.create(
            token=token,
            state="FAILED_SAFE",
            trigger="COMMAND",
            reason=reason,
            from_version=version,
            prepared_at=at,
            closed_at=at,
        )

    trial = RotationAttempt.TRIAL_VERSION
    old = left(CANARY_REASON, trial, minutes=61)
    kept = {
        left(CANARY_REASON, trial, minutes=59).pk,  # its process may still be at work
        left(CANARY_REASON, 1, minutes=61).pk,
        left("yearly", trial, minutes=61).pk,
    }
    watch_rotations(context=context)
    assert set(RotationAttempt.objects.values_list("pk", flat=True)) == kept
    assert old.pk not in kept
