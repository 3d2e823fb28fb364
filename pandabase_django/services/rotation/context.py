"""What a rotation uses beside the database: its few requests, the clock, and who follows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.crypto.secret import Secret
from pandabase_django.database import connection
from pandabase_django.exceptions import ConfigurationError, PandabaseError, RotationError
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.tokens.building import (
    build_client,
    configured_policy,
    configured_timeouts,
)
from pandabase_django.services.tokens.permissions import Tried, try_permissions

__all__ = [
    "Answer",
    "RotationContext",
    "StoreWire",
    "Validity",
    "Wire",
    "refuse_outer_transaction",
    "send_bound_seconds",
]

PROBE_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)
PROBE_TRIES = 3
PAUSE_SECONDS = 0.3
LIMIT_WAIT_SECONDS = 5.0  # before a roll; preflight has waited for a known limit already


class Validity(Enum):
    """What the remote thinks of a secret."""

    WORKS = "works"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one signed GET.

    Attributes:
        validity: What it shows.
        message: One sentence on why, for a person.
        request_id: Of the answer, "" when none came.
    """

    validity: Validity
    message: str
    request_id: str = ""

    @property
    def works(self) -> bool:
        """The secret is valid."""
        return self.validity is Validity.WORKS

    @property
    def refused(self) -> bool:
        """The secret is not valid."""
        return self.validity is Validity.REFUSED


class Wire(Protocol):
    """The requests of a rotation."""

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        """Send the one POST.

        Raises:
            TransportError: Nothing came back; ``executed`` says whether it may have happened.
            PandabaseError: Any other error here means that nothing was sent.
        """

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        """Try a secret with a signed GET. Raises nothing of the remote's."""

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        """Try what a secret is allowed, with one harmless GET for each code."""


class StoreWire:
    """The real one."""

    tries = PROBE_TRIES

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        # A client of its own, and so a fresh connection: on one that was kept alive, a POST can
        # meet the server closing it, and nobody would know whether it was executed.
        with build_client(
            signer,
            policy=configured_policy(retries=0, max_wait_seconds=LIMIT_WAIT_SECONDS),
        ) as client:
            return client.roll_secret(token.token_id)

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = Answer(Validity.UNCLEAR, "")
        policy = configured_policy(timeouts=PROBE_TIMEOUTS)
        for left in reversed(range(self.tries)):
            try:
                with build_client(token, policy=policy, secret=secret) as client:
                    answer = _judged(client.probe())
            except (PandabaseError, ConfigurationError) as error:
                answer = Answer(Validity.UNCLEAR, str(error))
            if answer.validity is not Validity.UNCLEAR:
                break
            if left:
                time.sleep(PAUSE_SECONDS)
        return answer

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        return try_permissions(token, secret=secret, codes=codes)


@dataclass(frozen=True)
class RotationContext:
    """What a test may replace; the defaults are the real ones.

    Attributes:
        wire: Speaks to the remote.
        clock: Aware UTC time.
        sleep: Waits, in seconds.
        on_change: Called with the attempt after each state that was committed.
    """

    wire: Wire = field(default_factory=StoreWire)
    clock: Callable[[], datetime] = timezone.now
    sleep: Callable[[float], None] = time.sleep
    on_change: Callable[[RotationAttempt], None] = lambda attempt: None


def refuse_outer_transaction() -> None:
    """Refuse to work where a later rollback could undo what was committed before a request.

    Raises:
        RotationError: A transaction is open.
    """
    if connection.in_atomic_block:
        raise RotationError(
            "A rotation must not run inside a transaction: a rollback would forget that a request "
            "was sent. Record it with request_rotation and run it after the commit."
        )


def send_bound_seconds() -> float:
    """Longest time from SENT to an answer or its absence."""
    return LIMIT_WAIT_SECONDS + configured_timeouts().total_seconds


def _judged(raw: RawReply) -> Answer:
    """What an answer shows, if it is the API's own."""
    own = raw.from_api
    where = f"HTTP {raw.status}"
    if own and raw.status in (200, 403):
        return Answer(Validity.WORKS, f"The remote accepts it ({where}).", raw.request_id)
    if own and raw.status == 401:
        return Answer(Validity.REFUSED, f"The remote refuses it ({where}).", raw.request_id)
    return Answer(Validity.UNCLEAR, f"The remote gave no clear answer ({where}).", raw.request_id)
