"""Scripted misbehaviour: rules that match requests and spoil their answers."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pandabase_django.sandbox.faults.actions import ACTIONS
from pandabase_django.sandbox.http.wire import Request, Response
from pandabase_django.sandbox.seed.timeline import Clock
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["FaultRule", "Faults", "RuleRefused", "spoil"]

_MATCH_KEYS = ("method", "path_prefix", "path_regex", "query", "token_id")


class RuleRefused(ValueError):
    """A rule names an unknown action or condition."""


@dataclass
class FaultRule:
    """One rule. Of its matching requests it strikes ``times``, from the ``nth`` on.

    With ``seconds`` it ends so long after it struck first, by the clock of changes.
    """

    number: int
    match: Json
    action: str
    args: Json
    changes: list[Json]
    nth: int
    times: int
    """0 is without end."""
    in_turn: bool = False
    """Of those with it, only the first one that matches strikes; the others wait."""
    seconds: float = math.inf
    ends_at_ms: float = math.inf
    matched: int = 0
    fired: int = 0

    def strikes(self, request: Request, *, token_id: str, now_ms: int) -> bool:
        """Count a request; whether this rule applies to it."""
        if not self._matches(request, token_id):
            return False
        self.matched += 1
        if self.matched < self.nth or (self.times and self.fired >= self.times):
            return False
        if not self.fired:
            self.ends_at_ms = now_ms + self.seconds * 1000
        if now_ms > self.ends_at_ms:
            return False
        self.fired += 1
        return True

    def _matches(self, request: Request, token_id: str) -> bool:
        match = self.match
        if "method" in match and request.method != match["method"]:
            return False
        if not request.path.startswith(match.get("path_prefix", "")):
            return False
        if "path_regex" in match and not re.search(match["path_regex"], request.path):
            return False
        if "token_id" in match and match["token_id"] != token_id:
            return False
        query = request.query()
        return all(query.get(key) == str(value) for key, value in match.get("query", {}).items())


class Faults:
    """The rules in force."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._rules: list[FaultRule] = []
        self._made = 0

    def add(self, given: list[Json]) -> list[int]:
        """Add rules and return their numbers; none is added if one is refused.

        Raises:
            RuleRefused: Unknown action, condition or number.
        """
        rules = [self._rule(rule) for rule in given]
        with self._guard:
            for rule in rules:
                self._made += 1
                rule.number = self._made
                self._rules.append(rule)
        return [rule.number for rule in rules]

    def clear(self) -> None:
        """Forget all rules."""
        with self._guard:
            self._rules = []

    def report(self) -> list[dict[str, Any]]:
        """The rules with how often each matched and struck."""
        with self._guard:
            return [
                {
                    "number": rule.number,
                    "match": rule.match,
                    "action": rule.action,
                    "nth": rule.nth,
                    "times": rule.times,
                    "matched": rule.matched,
                    "fired": rule.fired,
                }
                for rule in self._rules
            ]

    def striking(self, request: Request, *, token_id: str) -> list[FaultRule]:
        """The rules that apply to a request, in the order they were added."""
        if not self._rules:
            return []
        now_ms = self._clock.read_ms()
        found: list[FaultRule] = []
        with self._guard:
            for rule in self._rules:
                waits = rule.in_turn and any(other.in_turn for other in found)
                if not waits and rule.strikes(request, token_id=token_id, now_ms=now_ms):
                    found.append(rule)
        return found

    def _rule(self, given: Json) -> FaultRule:
        action, match = str(given.get("action", "none")), given.get("match", {})
        if action not in ACTIONS:
            raise RuleRefused(f"unknown action {action!r}; known are {', '.join(sorted(ACTIONS))}")
        unknown = set(match) - set(_MATCH_KEYS)
        if unknown:
            raise RuleRefused(f"unknown condition {', '.join(sorted(unknown))}")
        nth, times = given.get("nth", 1), given.get("times", 1)
        if not isinstance(nth, int) or not isinstance(times, int) or nth < 1 or times < 0:
            raise RuleRefused("nth must be 1 or more, times 0 or more")
        seconds = given.get("seconds", math.inf)
        if not isinstance(seconds, (int, float)) or seconds <= 0:
            raise RuleRefused("seconds must be more than 0")
        return FaultRule(
            number=0,
            seconds=seconds,
            match=match,
            action=action,
            args=given.get("args", {}),
            changes=given.get("changes", []),
            nth=nth,
            times=times,
            in_turn=bool(given.get("in_turn", False)),
        )


def spoil(rules: list[FaultRule], execute: Callable[[], Response]) -> Response:
    """Answer a request under the rules that apply to it: the first one is outermost."""
    for rule in reversed(rules):
        action, args, inner = ACTIONS[rule.action], rule.args, execute
        execute = _bound(action, args, inner)
    return execute()


def _bound(
    action: Callable[[Json, Callable[[], Response]], Response],
    args: Json,
    inner: Callable[[], Response],
) -> Callable[[], Response]:
    return lambda: action(args, inner)
