"""No secret, old or new, and no signature shows anywhere while secrets are rotated."""

from __future__ import annotations

import hashlib
import hmac
import io
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from pandabase_django import signals
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import (
    RotationContext,
    held_texts,
    install_from_held,
    install_secret,
    pick_up_spool,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from tests.connecting import connect
from tests.rotation.conftest import ROLL, Clock, CutOff, attempts

pytestmark = pytest.mark.django_db(transaction=True)

FAULTS: list[dict[str, Any]] = [
    {"action": "none"},
    {"action": "truncate"},
    {"action": "cut_json", "args": {"bytes": 60}},
    {"action": "null_data"},
    {"action": "commit_then_reset"},
    {"action": "close"},
    {"action": "edit_body", "args": {"set": {"ok": False}}},
    {"action": "status", "args": {"status": 500}},
]


class Watcher:
    """Knows every secret there ever was, and everything that was shown."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.shown = io.StringIO()
        self.secrets: set[str] = set()
        self.errors: list[BaseException] = []
        self._told = 0

    def note(self) -> None:
        for token in ApiToken.objects.all():
            self.secrets.add(self.sandbox.secret_of(token.token_id))
            self.secrets.add(token.secret.reveal())

    def guarded(self, work: Callable[[], Any], *, note: bool = True) -> None:
        """Do something that may fail, and note the secrets before and after."""
        if note:
            self.note()
        try:
            work()
        except (PandabaseError, CommandError, DatabaseError) as error:
            self.errors.append(error)
        if note:
            self.note()
            self.tell()

    def tell(self) -> None:
        """The last error as the worst logger shows it: its causes and all local variables."""
        for error in self.errors[self._told :]:
            seen: BaseException | None = error
            while seen is not None:
                told = traceback.TracebackException.from_exception(seen, capture_locals=True)
                self.shown.write("".join(told.format()) + repr(seen) + repr(seen.__dict__))
                seen = seen.__context__
        self._told = len(self.errors)

    def everything(self) -> str:
        for table in connection.introspection.table_names():
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {table}")
                self.shown.write(repr(cursor.fetchall()))
        for attempt in attempts():
            self.shown.write(repr(attempt.__dict__) + str(attempt) + attempt.outcome)
        call_command("dumpdata", "pandabase", stdout=self.shown)
        return self.shown.getvalue()

    def forbidden(self) -> list[str]:
        keys = [hashlib.sha256(secret.encode()).hexdigest() for secret in self.secrets]
        signatures = [hmac.new(key.encode(), b"", hashlib.sha256).hexdigest() for key in keys]
        return [*self.secrets, *keys, *signatures]


@pytest.fixture
def watcher(sandbox: Sandbox) -> Iterator[Watcher]:
    watcher = Watcher(sandbox)
    handler = logging.StreamHandler(watcher.shown)
    names = ["", *logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    logging.getLogger().addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)

    def hear(**arguments: Any) -> None:
        watcher.shown.write(repr(arguments) + repr(vars(arguments["token"])))

    signals.secret_rotated.connect(hear)
    signals.rotation_failed.connect(hear)
    yield watcher
    signals.secret_rotated.disconnect(hear)
    signals.rotation_failed.disconnect(hear)
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("mode", ["HMAC", "BEARER"])
def test_nothing_shows_a_secret_or_a_signature_whatever_comes_of_a_rotation(
    db: None,
    sandbox: Sandbox,
    watcher: Watcher,
    clock: Clock,
    settings: Any,
    tmp_path: Path,
    mode: str,
) -> None:
    tmp_path.chmod(0o700)
    settings.PANDABASE = {**settings.PANDABASE, "ROTATION_SPOOL": str(tmp_path)}
    token = connect(sandbox, sandbox.add_token(mode=mode))
    context = RotationContext(clock=clock, sleep=clock.sleep)
    for fault in FAULTS:
        sandbox.fault([{"match": ROLL, **fault}])
        attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
        watcher.guarded(lambda pk=attempt.pk: run_rotation(pk, context=context))
        attempt.refresh_from_db()
        if attempt.reply is not None:
            watcher.shown.write(repr(held_texts(attempt)))
            watcher.guarded(
                lambda row=attempt: install_from_held(row, place="data.nowhere", context=context)
            )
        watcher.guarded(lambda: watch_rotations(context=context))
        wrong = Secret("sk_test_wrong_but_long_enough")
        watcher.guarded(lambda secret=wrong: install_secret(token, secret=secret, reason="x"))
        right = Secret(sandbox.secret_of(token.token_id))
        watcher.guarded(
            lambda secret=right: install_secret(token, secret=secret, reason="x", context=context)
        )
        sandbox.clear_faults()
    wire = CutOff()
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND")
    cut_off = RotationContext(wire=wire, clock=clock, sleep=clock.sleep)
    with connection.execute_wrapper(wire.fail):
        watcher.guarded(lambda: run_rotation(attempt.pk, context=cut_off), note=False)
        wire.down = False
    watcher.tell()
    (file,) = tmp_path.iterdir()
    watcher.shown.write(file.read_text())
    watcher.note()
    watcher.guarded(lambda: pick_up_spool(context=context))
    watcher.guarded(lambda: watch_rotations(context=context))
    call_command(
        *("pandabase_rotate_secret", "--token", str(token.pk), "--reason", "x", "--no-input"),
        stdout=watcher.shown,
        stderr=watcher.shown,
    )
    watcher.note()
    shown = watcher.everything()
    assert len(watcher.errors) >= 8
    assert len(watcher.secrets) >= 8
    assert {"DONE", "HELD", "LOST", "WATCHING"} <= {attempt.state for attempt in attempts()}
    for text in watcher.forbidden():
        assert text not in shown
