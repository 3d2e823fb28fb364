"""A secret that a person has takes the place of the old one, after it was tried."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, RotationError, TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    install_from_held,
    install_secret,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.context import (
    Answer,
    StoreWire,
    Validity,
    send_bound_seconds,
)
from pandabase_django.services.rotation.judge import SENDER_MARGIN_SECONDS
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.rotation.swap import write_secret
from pandabase_django.services.tokens.building import build_client
from pandabase_django.services.tokens.clients import open_client
from pandabase_django.services.tokens.connection import retire_token
from tests.connecting import connect
from tests.rotation.conftest import ROLL, Clock, attempts, in_use, rolls

pytestmark = pytest.mark.django_db(transaction=True)


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
    clock.pass_by(seconds=send_bound_seconds() + SENDER_MARGIN_SECONDS - 1)
    with pytest.raises(RotationError, match="being sent right now"):
        install_secret(token, secret=Secret("sk_test_1234"), reason="x", context=context)
    clock.pass_by(seconds=2)
    with pytest.raises(InvalidCredential):
        install_secret(token, secret=Secret("sk_test_1234"), reason="x", context=context)


def test_a_request_of_another_token_holds_up_no_installation(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, clock: Clock
) -> None:
    other = connect(sandbox, sandbox.add_token())
    attempt = request_rotation(other, reason="yearly", trigger="COMMAND")
    RotationAttempt.objects.filter(pk=attempt.pk).update(state="SENT", sent_at=clock.now)
    secret = rolled_in_the_dashboard(token)
    assert install_secret(token, secret=secret, reason="by hand", context=context).state == "DONE"
    attempt.refresh_from_db()
    assert (attempt.state, attempt.closed_at) == ("SENT", None)


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
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    with transaction.atomic(), pytest.raises(RotationError, match="inside a transaction"):
        install_from_held(attempt, place="data.secret")


def test_nothing_is_installed_for_a_token_that_is_retired(
    token: ApiToken, sandbox: Sandbox
) -> None:
    secret = Secret(token.secret.reveal())
    retire_token(token)
    before = sandbox.requests_served
    with pytest.raises(RotationError, match="is retired"):
        install_secret(token, secret=secret, reason="by hand")
    assert sandbox.requests_served == before


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

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        if self.unclear and secret == self.installed:
            return Answer(Validity.UNCLEAR, "No answer.")
        return super().try_secret(token, secret=secret)


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


def test_a_chosen_text_waits_while_it_is_unclear_whether_another_installed_one_works(
    token: ApiToken, sandbox: Sandbox, clock: Clock
) -> None:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    body = json.dumps({"data": {"value": rolled_in_the_dashboard(token).reveal()}}).encode()
    attempt.state, attempt.reply = "HELD", packed(RawReply(200, "req_1", body))
    attempt.save()
    wire = InstalledWhileSending()
    assert write_secret(token, wire.installed, context=RotationContext())
    context = RotationContext(wire=wire, clock=clock, sleep=clock.sleep)
    with pytest.raises(TransportError, match="installed meanwhile works is not clear"):
        install_from_held(attempt, place="data.value", context=context)
    wire.unclear = False
    assert install_from_held(attempt, place="data.value", context=context).state == "DONE"
    assert in_use(token, sandbox)


class Meanwhile(StoreWire):
    """Lets something happen after a secret was tried, and before it is written."""

    def __init__(self, happen: Callable[[], object]) -> None:
        self._happen = happen
        self._happened = False

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = super().try_secret(token, secret=secret)
        if not self._happened:
            self._happened = True
            self._happen()
        return answer


@pytest.mark.parametrize("recorded", ["before", "meanwhile"])
@pytest.mark.parametrize("by", ["itself", "another"])
def test_a_roll_sent_while_the_secret_was_tried_is_not_closed_by_it(
    token: ApiToken, sandbox: Sandbox, context: RotationContext, recorded: str, by: str
) -> None:
    secret = token.secret if by == "itself" else rolled_in_the_dashboard(token)
    secret = Secret(secret.reveal())
    signer = None if by == "itself" else connect(sandbox, sandbox.add_token())
    sandbox.fault([{"match": ROLL, "action": "commit_then_reset"}])

    def request() -> RotationAttempt:
        return request_rotation(token, reason="yearly", trigger="ADMIN", signer=signer)

    early = request() if recorded == "before" else None
    # It takes the place of the secret that was tried, and its answer is lost.
    wire = Meanwhile(lambda: run_rotation((early or request()).pk, context=context))
    with pytest.raises(RotationError, match="changed at the same moment"):
        install_secret(token, secret=secret, reason="by hand", context=RotationContext(wire=wire))
    still_open = [row.state for row in attempts() if row.closed_at is None]
    # Another token rolls once more; without one it stays to be told.
    assert still_open == (["LOST"] if by == "itself" else [])
    assert in_use(token, sandbox) == (by == "another")


def test_of_two_secrets_that_are_installed_at_once_the_later_tried_one_stays(
    token: ApiToken, sandbox: Sandbox
) -> None:
    secrets = [rolled_in_the_dashboard(token)]

    def install_another() -> None:
        with build_client(token, secret=secrets[0], policy=RequestPolicy()) as client:
            body = client.roll_secret(token.token_id).body
        secrets.append(Secret(json.loads(body)["data"]["secret"]))
        install_secret(token, secret=secrets[1], reason="the other")

    context = RotationContext(wire=Meanwhile(install_another))
    with pytest.raises(RotationError, match="changed at the same moment"):
        install_secret(token, secret=secrets[0], reason="the one", context=context)
    assert in_use(token, sandbox)
