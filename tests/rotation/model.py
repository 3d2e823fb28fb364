"""A small world in which the real rotation code runs, and a search through all its misfortunes.

The remote, the clock, the network and death are played here; the database is real, and so is
every line of ``services.rotation``. Wherever something can go wrong, a ``Chooser`` decides; the
search replays the scenario with every sequence of decisions, up to a number of misfortunes.

A second process is played by running it whole at a step of the first: since processes share
nothing but the database and the spool, and each step commits, every interleaving at the grain of
commits is one of these.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from django.db import OperationalError, connection
from django.utils import timezone

from pandabase_django.api.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError, TransportError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.rotation import (
    RotationContext,
    install_secret,
    request_rotation,
    run_rotation,
    watch_rotations,
)
from pandabase_django.services.rotation.wire import Answer, Standing, Tried

State = RotationAttempt.State
CHANCE = 0.25  # of a misfortune at each choice of a wanderer


class Killed(BaseException):
    """The process was killed: not an Exception, so that nobody survives it."""


class Chooser:
    """Answers each question by a recorded path, then by 0, and remembers what it was asked.

    0 is always the good outcome; any other costs a misfortune, and with none left only 0 is
    possible.
    """

    def __init__(self, path: list[int], *, misfortunes: int) -> None:
        self._path = path
        self._left = misfortunes
        self.taken: list[int] = []
        self.sizes: list[int] = []
        self.labels: list[str] = []

    def calm(self) -> None:
        """From here on nothing goes wrong."""
        self._left = 0

    def choose(self, label: str, options: list[str]) -> str:
        size = len(options) if self._left else 1
        place = len(self.taken)
        taken = self._path[place] if place < len(self._path) else 0
        self.taken.append(taken)
        self.sizes.append(size)
        if taken:
            self._left -= 1
            self.labels.append(f"{label}={options[taken]}")
        return options[taken]


def paths(run: Callable[[Chooser], None], *, misfortunes: int) -> Iterator[Chooser]:
    """Every path through the choices of ``run``, each run once, depth first."""
    path: list[int] = []
    while True:
        chooser = Chooser(path, misfortunes=misfortunes)
        run(chooser)
        yield chooser
        taken, sizes = chooser.taken, chooser.sizes
        while taken and taken[-1] + 1 >= sizes[len(taken) - 1]:
            taken = taken[:-1]
        if not taken:
            return
        path = [*taken[:-1], taken[-1] + 1]


class Wanderer(Chooser):
    """Chooses by chance: a path that an exhaustive search would be long in coming to."""

    def __init__(self, random: Random, *, misfortunes: int) -> None:
        super().__init__([], misfortunes=misfortunes)
        self._random = random

    def choose(self, label: str, options: list[str]) -> str:
        wanted = 0
        if self._left and self._random.random() < CHANCE:
            wanted = self._random.randrange(len(options))
        self._path = [*self.taken, wanted]
        return super().choose(label, options)


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

    def standing(self, token: ApiToken, *, secret: Secret) -> Answer:
        options = ["clear", "unclear", "killed"] if not self.intruding else ["clear"]
        seen = self.chooser.choose("look", options)
        if seen == "killed":
            raise Killed
        if seen == "unclear":
            return Answer(Standing.UNCLEAR, "no answer")
        good = secret.reveal() == self.current(token)
        return Answer(Standing.WORKS if good else Standing.REFUSED, "told")

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


@dataclass
class Tally:
    """Counts over all paths of a search."""

    name: str
    paths: int = 0
    posts: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    states: set[str] = field(default_factory=set)

    def report(self) -> str:
        """For people: how many paths there are, and how they end."""
        ends = "".join(f"  {count:7} {end}\n" for end, count in self.ends.most_common())
        return f"\n{self.name}: {self.paths} paths, {self.posts} requests\n{ends}"


class Scenario:
    """One rotation from its request to its last state, and back to a working secret.

    Args:
        token: Rolled.
        second: Another token of the store; used where the setting has one.
        setting: See ``Setting``.
        spool: The configured folder, or None.
    """

    def __init__(
        self, token: ApiToken, second: ApiToken, *, setting: Setting, spool: Path | None
    ) -> None:
        self._token, self._second = token, second
        self._setting, self._spool = setting, spool
        self.tally = Tally(setting.name)

    def __call__(self, chooser: Chooser) -> None:
        world = World(self._setting, chooser)
        self._reset(world)
        try:
            with connection.execute_wrapper(_Outage(world)):
                self._run(world)
        except AssertionError as error:
            raise AssertionError(
                f"{error} [{self._setting.name}; {'; '.join(chooser.labels) or 'no misfortune'}]"
            ) from error
        self.tally.paths += 1
        self.tally.posts += sum(world.posts.values())

    def _reset(self, world: World) -> None:
        RotationAttempt.objects.all().update(follows=None)
        RotationAttempt.objects.all().delete()
        for token in (self._token, self._second):
            role = ApiToken.Role.ACTIVE if token is self._token else ApiToken.Role.STANDBY
            if token is self._second and not self._setting.second:
                role = ApiToken.Role.RETIRED
            token.refresh_from_db()
            token.secret = Secret(world.current(token))
            token.secret_version, token.role, token.health = 1, role, ApiToken.Health.OK
            token.save()
        for path in self._spool.iterdir() if self._spool else ():
            path.unlink()

    def _run(self, world: World) -> None:
        signer = self._second if self._setting.signer_is_second else None
        first = request_rotation(self._token, reason="model", trigger="COMMAND", signer=signer)
        self._alive(world, lambda: run_rotation(first.pk, context=world.context()))
        for span in (timedelta(0), timedelta(minutes=3), timedelta(minutes=61)):
            world.now += span
            if not open_ids():
                break
            if world.late and (
                span >= timedelta(minutes=61)
                or world.chooser.choose("late roll", ["not yet", "now"]) == "now"
            ):
                world.roll_remote(world.late.pop())
            for attempt_id in open_ids():
                self._alive(world, lambda pk=attempt_id: run_rotation(pk, context=world.context()))
            self._alive(world, world.watch)
        self._person_rolls_again(world)
        world.chooser.calm()
        world.now += timedelta(minutes=61)
        world.watch()
        world.watch()
        self._check_end(world)
        self._find_the_way_back(world)

    def _person_rolls_again(self, world: World) -> None:
        """Somebody asks the other token to sign, and that may go wrong as well."""
        needy = RotationAttempt.objects.filter(
            closed_at__isnull=True, state__in=(State.HELD, State.LOST)
        )
        if not (self._setting.second and needy.exists()):
            return
        if world.chooser.choose("a person", ["waits", "rolls again"]) == "waits":
            return
        attempt = request_rotation(
            self._token, reason="again", trigger="ADMIN", signer=self._second
        )
        self._alive(world, lambda: run_rotation(attempt.pk, context=world.context()))

    def _alive(self, world: World, work: Callable[[], Any]) -> None:
        try:
            with contextlib.suppress(Killed, RotationError):
                work()
        finally:
            world.db_down, world.sending, world.intruding = False, None, False

    def _check_end(self, world: World) -> None:
        rows = list(RotationAttempt.objects.order_by("prepared_at"))
        for row in rows:
            assert row.state in (State.DONE, State.FAILED_SAFE, State.HELD, State.LOST), row.state
            if row.state in (State.DONE, State.FAILED_SAFE):
                assert row.closed_at is not None
            if row.state == State.LOST:
                reached = row.pk in world.arrived and row.pk not in world.unstorable
                assert not reached, "LOST though the answer had reached this machine"
        last = rows[-1]
        if not world.works(self._token):
            assert last.state in (State.HELD, State.LOST), "a dead secret that nobody is told of"
            assert last.closed_at is None, "a dead secret, and nothing open"
        told = {state for _, state in world.told}
        self.tally.states |= told
        self.tally.ends[" then ".join(row.state for row in rows)] += 1

    def _find_the_way_back(self, world: World) -> None:
        """From every end there is a way to a working secret, by the other token or by hand."""
        if RotationAttempt.objects.filter(closed_at__isnull=True).exists():
            if self._setting.second:
                attempt = request_rotation(
                    self._token, reason="back", trigger="COMMAND", signer=self._second
                )
                assert run_rotation(attempt.pk, context=world.context()).state == State.DONE
            else:
                world.roll_remote(self._token.token_id)
                secret = Secret(world.current(self._token))
                install_secret(
                    self._token, secret=secret, reason="dashboard", context=world.context()
                )
        assert world.works(self._token)
        assert not open_ids(), "something is left open"
        if self._spool is not None:
            assert not list(self._spool.iterdir()), "something is left in the spool"


class _Outage:
    """Every statement fails while the database is down."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if self._world.db_down:
            raise OperationalError("the database is down")
        return execute(sql, params, many, context)
