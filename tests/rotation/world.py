"""The remote, the clock, the network and death, as the rotation code meets them.

Wherever something can go wrong, a ``Chooser`` decides. A second process is played by running it
whole at a step of the first: since processes share nothing but the database and the spool, and each
step commits, every interleaving at the grain of commits is one of these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError
from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.rotation import (
    RotationContext,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.context import Answer, Validity
from pandabase_django.services.tokens.permissions import Tried
from tests.rotation.search import Chooser

State = RotationAttempt.State


class Killed(BaseException):
    """The process was killed: not an Exception, so that nobody survives it."""


@dataclass(frozen=True)
class Setting:
    """What does not change in one search."""

    second: bool
    signer_is_second: bool
    spool: bool

    @property
    def name(self) -> str:
        """For the report."""
        return (
            f"{'two tokens' if self.second else 'one token'}, "
            f"signed by {'the other' if self.signer_is_second else 'itself'}, "
            f"{'spool' if self.spool else 'no spool'}"
        )


SETTINGS = [
    Setting(second=second, signer_is_second=other, spool=spool)
    for second in (False, True)
    for other in ((False, True) if second else (False,))
    for spool in (False, True)
]

ROLLS = [
    "answered",
    "not sent",
    "lost before",
    "lost after",
    "executed late",
    "refused",
    "error before",
    "error after",
    "shapeless",
    "no secret",
    "broke off",
    "killed before",
    "killed after",
]
EXECUTED = ("answered", "lost after", "error after", "shapeless", "no secret", "broke off")
ANSWERED_WITH_SECRET = ("answered", "shapeless")


@dataclass
class World:
    """The remote, the clock and what has been seen."""

    setting: Setting
    chooser: Chooser
    now: datetime = field(default_factory=timezone.now)
    secrets: dict[str, int] = field(default_factory=dict)
    posts: Counter[Any] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)
    db_down: bool = False
    down_for: float = 0.0
    arrived: set[Any] = field(default_factory=set)
    unstorable: set[Any] = field(default_factory=set)
    told: list[tuple[Any, str]] = field(default_factory=list)
    intruding: bool = False
    sending: Any = None

    def current(self, token: ApiToken) -> str:
        return f"sk_model_{token.token_id}_{self.secrets.get(token.token_id, 0):04d}"

    def roll_remote(self, token_id: str) -> None:
        self.secrets[token_id] = self.secrets.get(token_id, 0) + 1

    def works(self, token: ApiToken) -> bool:
        return ApiToken.objects.get(pk=token.pk).secret.reveal() == self.current(token)

    # What the code under test is given.

    def context(self) -> RotationContext:
        return RotationContext(
            wire=self, clock=lambda: self.now, sleep=self.sleep, on_change=self.changed
        )

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.db_down:
            self.down_for -= seconds
            if self.chooser.choose("held", ["held on", "killed"]) == "killed":
                self.db_down = False
                if not self.setting.spool:
                    self.unstorable.add(self.sending)
                raise Killed
            if self.down_for <= 0:
                self.db_down = False

    def changed(self, attempt: RotationAttempt) -> None:
        self.told.append((attempt.pk, attempt.state))
        self.check(attempt)
        self.interrupt(f"after {attempt.state}")

    def interrupt(self, label: str) -> None:
        """Death, or another process, at this instant."""
        if self.intruding:
            return
        what = self.chooser.choose(label, ["goes on", "killed", "redelivered", "watched"])
        if what == "killed":
            if self.sending is not None and label == "holding":
                self.unstorable.add(self.sending)
            raise Killed
        if what != "goes on":
            self.intrude(what)

    def intrude(self, what: str) -> None:
        self.intruding = True
        sending, self.sending = self.sending, None
        try:
            if what == "redelivered":
                for attempt_id in open_ids():
                    run_rotation(attempt_id, context=self.context())
            else:
                self.watch()
        finally:
            self.intruding, self.sending = False, sending

    def watch(self) -> None:
        for attempt_id in watch_rotations(context=self.context()).to_run:
            run_rotation(attempt_id, context=self.context())

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        attempt = RotationAttempt.objects.get(
            token__token_id=token.token_id, closed_at__isnull=True
        )
        assert attempt.state == State.SENT, attempt.state
        self.posts[attempt.pk] += 1
        assert self.posts[attempt.pk] == 1, "a second POST"
        assert signer.secret.reveal() == self.current(signer), "signed with a dead secret"
        options = ROLLS if not self.intruding else ["answered"]
        outcome = self.chooser.choose("roll", options)
        if outcome == "killed before":
            raise Killed
        if outcome == "not sent":
            raise TransportError("No connection could be made.", executed=False)
        if outcome == "executed late":
            self.late.append(token.token_id)
        if outcome in EXECUTED or outcome == "killed after":
            self.roll_remote(token.token_id)
        if outcome == "killed after":
            raise Killed
        if outcome in ("lost before", "lost after", "executed late"):
            raise TransportError("No answer came in time.")
        if outcome in ANSWERED_WITH_SECRET:
            self.arrived.add(attempt.pk)
        self.sending = attempt.pk
        self.interrupt("holding")
        down = self.chooser.choose("database", ["up", "down briefly", "down for long"])
        self.db_down = down != "up"
        self.down_for = 1.0 if down == "down briefly" else 3600.0
        if down == "down for long" and not self.setting.spool:
            self.unstorable.add(attempt.pk)
        return self.reply(outcome, self.current(token))

    @staticmethod
    def reply(outcome: str, secret: str) -> RawReply:
        bodies: dict[str, tuple[int, Any]] = {
            "answered": (200, {"ok": True, "data": {"secret": secret}}),
            "shapeless": (200, {"result": [{"note": f"now {secret}, keep it"}]}),
            "no secret": (200, {"ok": True, "data": {"rolled": True}}),
            "refused": (403, {"ok": False, "error": "no"}),
            "error before": (500, {"ok": False, "error": "oops"}),
            "error after": (502, "<html>Bad gateway</html>"),
            "broke off": (200, {"ok": True}),
        }
        status, body = bodies[outcome]
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        complete = outcome != "broke off"
        return RawReply(status, "req_1", raw if complete else raw[:7], complete=complete)

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        options = ["clear", "unclear", "killed"] if not self.intruding else ["clear"]
        seen = self.chooser.choose("look", options)
        if seen == "killed":
            raise Killed
        if seen == "unclear":
            return Answer(Validity.UNCLEAR, "no answer")
        good = secret.reveal() == self.current(token)
        return Answer(Validity.WORKS if good else Validity.REFUSED, "told")

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        return Tried()

    # What must hold.

    def check(self, attempt: RotationAttempt) -> None:
        """The state that was just committed tells the truth."""
        token = attempt.token
        if attempt.state == State.DONE:
            assert self.works(token), "DONE with a secret that does not work"
        if attempt.state == State.FAILED_SAFE:
            assert self.works(token), "FAILED_SAFE though the old secret is dead"
            assert token.token_id not in self.late, "FAILED_SAFE before a late execution"
        if attempt.state == State.LOST:
            assert not self.works(token), "LOST though the stored secret works"
        if attempt.state in (State.JOURNALED, State.VERIFIED, State.HELD):
            assert attempt.reply is not None, f"{attempt.state} without its answer"


def open_ids() -> list[Any]:
    return list(RotationAttempt.objects.filter(closed_at__isnull=True).values_list("pk", flat=True))


class Outage:
    """Every statement fails while the database is down."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if self._world.db_down:
            raise OperationalError("the database is down")
        return execute(sql, params, many, context)
