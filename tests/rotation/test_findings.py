"""What ``pandabase_check`` and the overview say of rotations."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.rotation import request_rotation, run_rotation
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.rotation.spool import put
from pandabase_django.services.rotation.transitions import sealed_reply
from tests.rotation.conftest import ROLL, attempts, in_use

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> dict[str, str]:
    return {finding.code: finding.sentence for finding in attention(Situation())}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("close", "rotation_watching"),
        ("null_data", "rotation_held"),
        ("commit_then_reset", "rotation_lost"),
    ],
)
def test_each_open_end_is_told_with_its_reason_and_its_page(
    token: ApiToken, sandbox: Sandbox, fault: str, code: str
) -> None:
    sandbox.fault([{"match": ROLL, "action": fault}])
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    attempt = run_rotation(attempt.pk)
    (found,) = [f for f in attention(Situation()) if f.code == code]
    assert attempt.outcome in found.sentence
    assert found.url_args == (str(attempt.pk),)
    RotationAttempt.objects.update(closed_at=timezone.now())
    assert code not in told()


def test_a_rotation_that_does_not_get_on_is_told(token: ApiToken) -> None:
    request_rotation(token, reason="yearly", trigger="COMMAND")
    assert "rotation_unfinished" not in told()
    RotationAttempt.objects.update(prepared_at=timezone.now() - timedelta(minutes=11))
    assert "rotation_unfinished" in told()


def test_a_policy_that_can_not_be_kept_is_told(token: ApiToken, sandbox: Sandbox) -> None:
    sandbox.set(roll_callers="nobody")
    attempt = request_rotation(token, reason="old", trigger="POLICY")
    run_rotation(attempt.pk)
    assert "does not let this token roll" in told()["rotation_due_failed"]


def test_the_check_takes_up_what_lies_in_the_spool_and_tells_what_stays(
    token: ApiToken, sandbox: Sandbox, tmp_path: Path, settings: Any
) -> None:
    tmp_path.chmod(0o700)
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(tmp_path)}
    settings.CELERY_BROKER_URL = "memory://"
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    RotationAttempt.objects.update(state="SENT", sent_at=timezone.now())
    body = json.dumps({"ok": True, "data": {"secret": sandbox.secret_of(token.token_id)}})
    put(attempt.pk, sealed_reply(attempt, packed(RawReply(200, "req_1", body.encode()))).sealed)
    (tmp_path / "strange.reply").write_text("pb1.x")
    assert "2 rotations wait" in told()["rotation_spool"]
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("pandabase_check", "--format", "json", stdout=out)
    found = {
        finding["code"]: finding["sentence"] for finding in json.loads(out.getvalue())["attention"]
    }
    assert "1 rotation waits" in found["rotation_spool"]
    assert attempts()[0].state == "JOURNALED"
    assert in_use(token, sandbox)
