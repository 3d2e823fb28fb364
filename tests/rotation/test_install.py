"""A secret that a person has takes the place of the old one, after it was tried."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from pandabase_django.api.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, RotationError, TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.clients import open_client
from pandabase_django.services.connection import retire_token
from pandabase_django.services.rotation import (
    RotationContext,
    install_secret,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.swapping import write_secret
from pandabase_django.services.rotation.wire import Answer, Standing, StoreWire
from tests.rotation.conftest import Clock, attempts, in_use, rolls

pytestmark = pytest.mark.django_db(transaction=True)

ROLL = {"method": "POST", "path_regex": "roll-secret$"}


def rolled_in_the_dashboard(token: ApiToken) -> Secret:
    with open_client(ApiToken.objects.get(pk=token.pk)) as client:
        return Secret(json.loads(client.roll_secret(token.token_id).body)["data"]["secret"])


def test_an_installed_secret_is_tried_and_kept_with_its_history(
    token: ApiToken, sandbox: Sandbox
) -> None:
    attempt = install_secret(token, secret=rolled_in_the_dashboard(token), reason="by hand")
    assert (attempt.state, attempt.trigger) == ("DONE", "INSTALL")
    assert (attempt.from_version, attempt.to_version) == (1, 2)
    assert attempt.fingerprint
    assert in_use(token, sandbox)
    assert (token.secret_version, token.health) == (2, "OK")


@pytest.mark.parametrize(
    ("secret", "reason", "error"),
    [
        ("sk_test_not_the_secret", "by hand", InvalidCredential),
        ("not a secret", "by hand", ValueError),
        ("sk_with space", "by hand", ValueError),
        ("sk_test_not_the_secret", " ", ValueError),
    ],
)
def test_a_secret_that_does_not_work_changes_nothing(
    token: ApiToken, sandbox: Sandbox, secret: str, reason: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        install_secret(token, secret=Secret(secret), reason=reason)
    assert attempts() == []
    assert in_use(token, sandbox)
    token.refresh_from_db()
    assert (token.secret_version, token.health) == (1, "OK")


def test_no_clear_answer_changes_nothing_either(token: ApiToken, sandbox: Sandbox) -> None:
    new = rolled_in_the_dashboard(token)
    sandbox.fault([{"match": {"method": "GET"}, "action": "html", "times": 0}])
    with pytest.raises(TransportError, match="Nothing was changed"):
        install_secret(token, secret=new, reason="by hand")
    token.refresh_from_db()
    assert token.secret_version == 1


@pytest.mark.parametrize("fault", ["commit_then_reset", "null_data", "delay_then_execute"])
def test_an_installed_secret_closes_whatever_was_open(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, fault: str
) -> None:
    sandbox.fault([{"match": ROLL, "action": fault, "args": {"seconds": 60}}])
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    open_state = run_rotation(attempt.pk, context=context).state
    assert open_state in ("LOST", "HELD", "WATCHING")
    sandbox.clear_faults()
    secret = Secret(sandbox.secret_of(token.token_id))
    install_secret(token, secret=secret, reason="by hand", context=context)
    first, second = sorted(attempts(), key=lambda attempt: attempt.trigger)
    assert (first.state, first.closed_at is not None, second.state) == (open_state, True, "DONE")
    assert "installed by hand" in first.outcome
    assert in_use(token, sandbox)


def test_nothing_is_installed_while_a_request_is_under_way(
    token: ApiToken, context: RotationContext, clock: Clock
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    RotationAttempt.objects.filter(pk=attempt.pk).update(state="SENT", sent_at=clock.now)
    with pytest.raises(RotationError, match="being sent right now"):
        install_secret(token, secret=Secret("sk_test_1234"), reason="x", context=context)
    clock.pass_by(minutes=3)
    with pytest.raises(InvalidCredential):
        install_secret(token, secret=Secret("sk_test_1234"), reason="x", context=context)


def test_a_prepared_rotation_is_closed_unsent_by_an_installed_secret(
    token: ApiToken, sandbox: Sandbox, context: RotationContext
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    install_secret(token, secret=rolled_in_the_dashboard(token), reason="by hand")
    assert run_rotation(attempt.pk, context=context).state == "FAILED_SAFE"
    assert rolls(sandbox) == 1  # the dashboard's


def test_installing_refuses_a_transaction(token: ApiToken) -> None:
    with transaction.atomic(), pytest.raises(RotationError, match="inside a transaction"):
        install_secret(token, secret=Secret("sk_test_1234"), reason="by hand")


def run(name: str, *arguments: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue() + str(error), error.returncode
    return out.getvalue(), err.getvalue(), 0


def test_the_install_command_takes_the_secret_from_standard_input(
    token: ApiToken, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = rolled_in_the_dashboard(token)
    monkeypatch.setattr("sys.stdin", io.StringIO("sk_test_wrong\n"))
    assert run("pandabase_install_secret", "--token", str(token.pk))[2] == 3
    monkeypatch.setattr("sys.stdin", io.StringIO(new.reveal() + "\n"))
    out, err, code = run("pandabase_install_secret", "--token", str(token.pk), "--no-input")
    assert (code, out.split()[1]) == (0, "DONE")
    assert new.reveal() not in out + err
    assert in_use(token, sandbox)
    assert run("pandabase_install_secret", "--token", "nonsense")[2] == 2


def test_the_rotation_command_shows_each_state_and_ends_with_the_last(
    token: ApiToken, sandbox: Sandbox
) -> None:
    arguments = ("--token", str(token.pk), "--reason", "yearly", "--no-input")
    out, err, code = run("pandabase_rotate_secret", *arguments)
    assert (code, out.split()[1]) == (0, "DONE")
    for state in ("Sent", "Reply kept", "New secret verified", "Done"):
        assert state in err
    assert sandbox.secret_of(token.token_id) not in out + err
    assert attempts()[0].trigger == "COMMAND"


def test_a_dry_run_looks_at_everything_and_rolls_nothing(
    token: ApiToken, sandbox: Sandbox, settings: Any, tmp_path: Any
) -> None:
    out, _, code = run("pandabase_rotate_secret", "--token", str(token.pk), "--dry-run")
    assert code == 0
    assert [line.split(": ")[:2] for line in out.splitlines()] == [
        ["ok", name] for name in ("token", "signer", "open", "seal", "journal", "spool", "remote")
    ]
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(tmp_path / "missing")}
    out, _, code = run("pandabase_rotate_secret", "--token", str(token.pk), "--dry-run")
    assert (code, "FAILED: spool" in out) == (1, True)
    assert rolls(sandbox) == 0
    assert attempts() == []


@pytest.mark.parametrize(
    ("fault", "callers", "state", "code"),
    [
        ("none", "nobody", "FAILED_SAFE", 3),
        ("close", "any", "WATCHING", 4),
        ("commit_then_reset", "any", "LOST", 1),
        ("null_data", "any", "HELD", 1),
    ],
)
def test_exit_codes_tell_how_a_rotation_ended(
    token: ApiToken, sandbox: Sandbox, fault: str, callers: str, state: str, code: int
) -> None:
    sandbox.set(roll_callers=callers)
    sandbox.fault([{"match": ROLL, "action": fault}])
    arguments = ("--token", str(token.pk), "--reason", "yearly", "--no-input")
    out, err, given = run("pandabase_rotate_secret", *arguments)
    assert (out.split()[1], given) == (state, code)
    assert ("pandabase_install_secret" in err) == (state in ("LOST", "HELD"))


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_the_rotation_command_asks_for_the_tokens_name_first(
    token: ApiToken, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--token", str(token.pk), "--reason", "yearly")
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    _, err, code = run("pandabase_rotate_secret", *arguments)
    assert (code, "Nothing was sent" in err) == (1, True)
    assert "Other programs that have the old one stop working" in err
    assert attempts() == []
    monkeypatch.setattr("sys.stdin", Terminal(f"{token.name}\n"))
    assert run("pandabase_rotate_secret", *arguments)[2] == 0
    assert rolls(sandbox) == 1


def test_the_rotation_command_refuses_wrong_use(token: ApiToken) -> None:
    pk = str(token.pk)
    assert run("pandabase_rotate_secret", "--token", pk, "--no-input")[2] == 2
    assert run("pandabase_rotate_secret", "--token", "nonsense", "--no-input")[2] == 2
    assert run("pandabase_rotate_secret", "--token", pk, "--reason", "yearly")[2] == 2


@pytest.mark.parametrize("fault", [None, "commit_then_reset", "null_data", "delay_then_execute"])
def test_a_token_that_is_disabled_leaves_no_rotation_open(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, fault: str | None
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    if fault:
        sandbox.fault([{"match": ROLL, "action": fault, "args": {"seconds": 60}}])
        run_rotation(attempt.pk, context=context)
    retire_token(token)
    (attempt,) = attempts()
    assert attempt.closed_at is not None
    assert attempt.outcome == "Closed: the token was disabled."
    before = len(sandbox.requests())
    assert watch_rotations(context=context).looked_at == 0
    run_rotation(attempt.pk, context=context)
    assert len(sandbox.requests()) == before  # nothing is sent with it any more


class InstalledWhileSending(StoreWire):
    """Somebody installs a secret while the answer is on its way; nothing tells whether it works."""

    installed = Secret("sk_test_installed_meanwhile")
    unclear = True

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        reply = super().roll(token, signer=signer)
        assert write_secret(token, self.installed, context=RotationContext())
        return reply

    def standing(self, token: ApiToken, *, secret: Secret) -> Answer:
        if self.unclear and secret == self.installed:
            return Answer(Standing.UNCLEAR, "No answer.")
        return super().standing(token, secret=secret)


def test_a_secret_installed_meanwhile_stays_only_when_it_is_seen_to_work(
    token: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    wire = InstalledWhileSending()
    context = RotationContext(wire=wire, clock=clock, sleep=clock.sleep)
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    attempt = run_rotation(attempt.pk, context=context)
    assert (attempt.state, attempt.closed_at) == ("JOURNALED", None)
    wire.unclear = False
    watch_rotations(context=context)
    (attempt,) = attempts()
    assert attempt.state == "DONE"
    assert in_use(token, sandbox)
