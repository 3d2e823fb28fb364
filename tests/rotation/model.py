"""One rotation in a small world, from its request to its last state, and what must hold at its end.

The database is real, and so is every line of ``services.rotation``; ``world`` plays the rest. The
search replays the scenario with every sequence of decisions (``search``).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import RotationError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.rotation import (
    install_secret,
    request_rotation,
    run_rotation,
)
from tests.rotation.search import Chooser
from tests.rotation.world import Killed, Outage, Setting, World, open_ids

State = RotationAttempt.State


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
            with connection.execute_wrapper(Outage(world)):
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
