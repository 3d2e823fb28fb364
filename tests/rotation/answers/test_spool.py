"""The answer while the database is down."""

from __future__ import annotations

import json
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Warning as CheckWarning
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.checks import check_settings
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    cancel_rotation,
    pick_up_spool,
    request_rotation,
    run_rotation,
    waiting_in_spool,
    watch_rotations,
)
from pandabase_django.services.rotation import spool as folder
from pandabase_django.services.rotation.context import StoreWire
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.rotation.transitions import sealed_reply
from tests.rotation.conftest import Clock, CutOff, attempts, in_use, rolls

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire() -> Iterator[CutOff]:
    wire = CutOff()
    with connection.execute_wrapper(wire.fail):
        yield wire


@pytest.fixture
def spool(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(folder)}
    return folder


@contextmanager
def configured(settings: Any, **changes: Any) -> Iterator[None]:
    before = settings.PANDABASE
    settings.PANDABASE = {**before, **changes}
    yield
    settings.PANDABASE = before


def test_a_short_outage_is_waited_out(
    token: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff
) -> None:
    def sleep(seconds: float) -> None:
        slept.append(seconds)
        wire.down = len(slept) < 6

    slept: list[float] = []
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    done = run_rotation(attempt.pk, context=RotationContext(wire=wire, clock=clock, sleep=sleep))
    assert done.state == "DONE"
    assert len(slept) == 6
    assert in_use(token, sandbox)


def _rotate_into_an_outage(token: ApiToken, clock: Clock, wire: CutOff) -> RotationAttempt:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    before = clock.now
    with pytest.raises(RotationError, match="did not take the answer"):
        run_rotation(attempt.pk, context=RotationContext(wire=wire, clock=clock, sleep=clock.sleep))
    assert 600 <= (clock.now - before).total_seconds() <= 620
    wire.down = False
    return attempt


def test_a_long_outage_leaves_the_answer_in_the_spool_from_where_it_is_picked_up(
    token: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff, spool: Path
) -> None:
    attempt = _rotate_into_an_outage(token, clock, wire)
    (file,) = spool.iterdir()
    assert file.name == f"{attempt.pk}.reply"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sandbox.secret_of(token.token_id) not in file.read_text()
    assert file.read_text().startswith("pb1.")
    assert waiting_in_spool() == 1
    picked = pick_up_spool()
    assert (picked.attempts, picked.left) == ((attempt.pk,), ())
    assert attempts()[0].state == "JOURNALED"
    assert list(spool.iterdir()) == []
    watch_rotations()
    assert attempts()[0].state == "DONE"
    assert in_use(token, sandbox)
    assert rolls(sandbox) == 1


def test_a_copy_in_another_environment_leaves_the_answer_to_the_shop(
    token: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
    wire: CutOff,
    spool: Path,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _rotate_into_an_outage(token, clock, wire)
    caplog.clear()
    with configured(settings, ENVIRONMENT="staging"):
        watch_rotations()
        ((_, why),) = pick_up_spool().left
    assert {vars(record)["store"] for record in caplog.records} == {token.store_id}
    assert why == "The token belongs to another environment."
    assert waiting_in_spool() == 1
    watch_rotations()
    assert attempts()[0].state == "DONE"
    assert in_use(token, sandbox)


def test_an_answer_in_the_spool_is_used_though_the_rotation_was_taken_for_lost(
    token: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff, spool: Path, settings: Any
) -> None:
    attempt = _rotate_into_an_outage(token, clock, wire)
    context = RotationContext(clock=clock, sleep=clock.sleep)
    with configured(settings, ROTATION_SPOOL=None):  # another machine, which has no such file
        assert run_rotation(attempt.pk, context=context).state == "LOST"
    watch_rotations(context=context)
    assert attempts()[0].state == "DONE"
    assert in_use(token, sandbox)


def test_without_a_spool_a_long_outage_loses_the_answer_and_says_so(
    token: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff
) -> None:
    _rotate_into_an_outage(token, clock, wire)
    watch_rotations(context=RotationContext(clock=clock, sleep=clock.sleep))
    assert attempts()[0].state == "LOST"


@pytest.mark.parametrize("place", ["a file", "missing", "below a file"])
def test_a_spool_that_can_not_be_written_stops_the_rotation_before_anything_is_sent(
    token: ApiToken, sandbox: Sandbox, tmp_path: Path, settings: Any, place: str
) -> None:
    (tmp_path / "file").write_text("")
    path = {
        "a file": tmp_path / "file",
        "missing": tmp_path / "missing",
        "below a file": tmp_path / "file" / "spool",
    }[place]
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(path)}
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    attempt = run_rotation(attempt.pk)
    assert attempt.state == "FAILED_SAFE"
    assert "spool folder can't be written" in attempt.outcome
    assert rolls(sandbox) == 0
    assert [m.id for m in check_settings(None) if m.id == "pandabase.W007"] == ["pandabase.W007"]


def test_a_spool_that_fails_after_the_request_does_not_keep_the_database_from_trying(
    token: ApiToken, sandbox: Sandbox, spool: Path
) -> None:
    class Vanishing(StoreWire):
        def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
            reply = super().roll(token, signer=signer)
            spool.rmdir()
            return reply

    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    assert run_rotation(attempt.pk, context=RotationContext(wire=Vanishing())).state == "DONE"
    assert in_use(token, sandbox)


def test_a_spool_open_to_everybody_is_warned_of(spool: Path) -> None:
    assert not any(m.id == "pandabase.W007" for m in check_settings(None))
    spool.chmod(0o755)
    (message,) = (m for m in check_settings(None) if m.id == "pandabase.W007")
    assert isinstance(message, CheckWarning)
    assert "everybody" in message.msg


def test_files_that_are_not_ours_or_can_not_be_opened_stay_and_are_named(
    token: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff, spool: Path, settings: Any
) -> None:
    attempt = _rotate_into_an_outage(token, clock, wire)
    (spool / "notes.reply").write_text("hello")
    (spool / "00000000-0000-0000-0000-000000000000.reply").write_text("pb1.x")
    (spool / "other.txt").write_text("not looked at")
    with configured(settings, ENCRYPTION_KEYS=[generate_key()]):
        picked = pick_up_spool()
    assert picked.attempts == ()
    reasons = dict(picked.left)
    assert "not that of a rotation" in reasons["notes.reply"]
    assert "no such rotation" in reasons["00000000-0000-0000-0000-000000000000.reply"]
    assert "not among" in reasons[f"{attempt.pk}.reply"]
    assert pick_up_spool().attempts == (attempt.pk,)
    assert len(list(spool.iterdir())) == 3


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "{}", '{"status": 200, "body": "?"}'])
def test_an_answer_of_another_form_keeps_no_other_one_in_the_spool(
    token: ApiToken,
    standby: ApiToken,
    sandbox: Sandbox,
    clock: Clock,
    wire: CutOff,
    spool: Path,
    content: str,
) -> None:
    attempt = _rotate_into_an_outage(token, clock, wire)
    first = RotationAttempt.objects.create(
        pk=uuid.UUID(int=1),  # its file comes first
        token=standby,
        state="SENT",
        trigger="ADMIN",
        from_version=1,
        prepared_at=timezone.now(),
    )
    folder.put(first.pk, sealed_reply(first, Secret(content or " ")).sealed)
    picked = pick_up_spool()
    assert picked.attempts == (attempt.pk,)
    ((name, why),) = picked.left
    assert name == f"{first.pk}.reply"
    assert "not that of an answer" in why


def test_a_file_moved_to_another_attempt_is_not_opened(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox, clock: Clock, wire: CutOff, spool: Path
) -> None:
    other = request_rotation(standby, reason="other", trigger="COMMAND")
    cancel_rotation(other, outcome="Interrupted.")
    attempt = _rotate_into_an_outage(token, clock, wire)
    (spool / f"{attempt.pk}.reply").rename(spool / f"{other.pk}.reply")
    ((_, why),) = pick_up_spool().left
    assert "sealed for another row" in why


def test_what_lies_in_the_spool_is_whole_or_not_there(spool: Path, token: ApiToken) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    folder.put(attempt.pk, "pb1.first")
    folder.put(attempt.pk, "pb1.second")
    (file,) = spool.iterdir()
    assert json.dumps(file.read_text()) == '"pb1.second"'


def test_a_spool_that_can_not_be_read_ends_a_rotation_safely_and_holds_up_no_other(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, spool: Path, monkeypatch: Any
) -> None:
    def refused(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refused)
    monkeypatch.setattr("os.open", refused)
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    attempt = run_rotation(attempt.pk, context=context)
    assert (attempt.state, rolls(sandbox)) == ("FAILED_SAFE", 0)
    assert "spool" in attempt.outcome
    assert watch_rotations(context=context).looked_at == 0


def test_a_file_that_can_not_be_removed_harms_nothing(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, spool: Path, monkeypatch: Any
) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("pandabase_django.services.rotation.spool.remove", refused)
        attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
        assert run_rotation(attempt.pk, context=context).state == "DONE"
        (left,) = pick_up_spool(context=context).left
        assert "can't be removed" in left[1]
    assert waiting_in_spool() == 1
    pick_up_spool(context=context)
    assert waiting_in_spool() == 0
    assert in_use(token, sandbox)
    assert attempts()[0].state == "DONE"


def test_an_answer_of_a_rotation_that_was_never_sent_stays_in_the_spool(
    token: ApiToken, spool: Path
) -> None:
    # As after a backup was put back that is older than the request.
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    answer = packed(RawReply(200, "req_1", b'{"data": {"secret": "sk_test_12345678"}}'))
    folder.put(attempt.pk, sealed_reply(attempt, answer).sealed)
    picked = pick_up_spool()
    assert picked.left == (
        (f"{attempt.pk}.reply", "The rotation is in a state that takes no answer."),
    )
    assert waiting_in_spool() == 1
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reply) == ("PREPARED", None)


def test_the_spool_is_not_emptied_inside_a_transaction(
    token: ApiToken, clock: Clock, wire: CutOff, spool: Path
) -> None:
    _rotate_into_an_outage(token, clock, wire)
    with transaction.atomic(), pytest.raises(RotationError, match="inside a transaction"):
        pick_up_spool()
    assert waiting_in_spool() == 1
