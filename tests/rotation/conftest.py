"""A store on the sandbox with one token, or with an active and a standby one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.api.wire.replies import RawReply
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import RotationContext, request_rotation, run_rotation
from pandabase_django.services.rotation.context import StoreWire
from tests.connecting import connect

ROLL = {"method": "POST", "path_regex": "roll-secret$"}
"""The one request of a rotation, for rules of the sandbox."""


class Clock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(clock: Clock) -> RotationContext:
    return RotationContext(clock=clock, sleep=clock.sleep)


@pytest.fixture
def standby(token: ApiToken, sandbox: Sandbox) -> ApiToken:
    return connect(sandbox, sandbox.add_token())


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """Signals in their order: name and the attempt's state."""
    heard: list[tuple[str, str]] = []

    def rotated(token: ApiToken, attempt: RotationAttempt, **_: Any) -> None:
        assert token.secret_version == attempt.to_version
        heard.append(("rotated", attempt.state))

    def failed(token: ApiToken, attempt: RotationAttempt, **_: Any) -> None:
        heard.append(("failed", attempt.state))

    signals.secret_rotated.connect(rotated)
    signals.rotation_failed.connect(failed)
    yield heard
    signals.secret_rotated.disconnect(rotated)
    signals.rotation_failed.disconnect(failed)


def rotate(
    token: ApiToken, context: RotationContext, *, signer: ApiToken | None = None
) -> RotationAttempt:
    attempt = request_rotation(token, reason="yearly", trigger="COMMAND", signer=signer)
    return run_rotation(attempt.pk, context=context)


def rolls(sandbox: Sandbox) -> int:
    """Requests to roll a secret that have reached the sandbox."""
    return sum(entry["path"].endswith("/roll-secret") for entry in sandbox.requests())


def held_secret(token: ApiToken) -> str:
    return ApiToken.objects.get(pk=token.pk).secret.reveal()


def in_use(token: ApiToken, sandbox: Sandbox) -> bool:
    """Whether the stored secret is the remote's own."""
    return held_secret(token) == sandbox.secret_of(token.token_id)


def attempts() -> list[RotationAttempt]:
    return list(RotationAttempt.objects.order_by("prepared_at"))


class CutOff(StoreWire):
    """The real wire; the database fails from the moment the answer is here."""

    def __init__(self) -> None:
        self.down = False

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        reply = super().roll(token, signer=signer)
        self.down = True
        return reply

    def fail(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        if self.down:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(*arguments)
