"""The few requests of a rotation, and what their answers show."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pandabase_django.api.client import Client
from pandabase_django.api.decoding import decode
from pandabase_django.api.operations import OPERATIONS, Operation
from pandabase_django.api.permissions import READ_PROBES
from pandabase_django.api.replies import RawReply
from pandabase_django.api.transport import Timeouts
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    ConfigurationError,
    MissingPermission,
    PandabaseError,
    ProtocolError,
)
from pandabase_django.models import ApiToken
from pandabase_django.services.clients import build_client, configured_timeouts

__all__ = ["Answer", "Standing", "StoreWire", "Tried", "Wire", "send_bound_seconds"]

PROBE_TIMEOUTS = Timeouts(connect_seconds=5.0, read_seconds=10.0)
PROBE_TRIES = 3
PAUSE_SECONDS = 0.3
LIMIT_WAIT_SECONDS = 5.0  # before a roll; preflight has waited for a known limit already


class Standing(Enum):
    """What the remote thinks of a secret."""

    WORKS = "works"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one signed GET.

    Attributes:
        standing: What it shows.
        message: One sentence on why, for a person.
        request_id: Of the answer, "" when none came.
    """

    standing: Standing
    message: str
    request_id: str = ""

    @property
    def works(self) -> bool:
        """The secret is valid."""
        return self.standing is Standing.WORKS

    @property
    def refused(self) -> bool:
        """The secret is not valid."""
        return self.standing is Standing.REFUSED


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying permissions has shown.

    Attributes:
        lacking: Codes the remote refused.
        unclear: Codes whose call gave no clear answer.
        untried: Codes that no harmless call needs.
    """

    lacking: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    untried: frozenset[str] = frozenset()


class Wire(Protocol):
    """The requests of a rotation."""

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        """Send the one POST.

        Raises:
            TransportError: Nothing came back; ``executed`` tells whether it may have happened.
            PandabaseError: Any other error here means that nothing was sent.
        """

    def standing(self, token: ApiToken, *, secret: Secret) -> Answer:
        """Try a secret with a signed GET. Raises nothing of the remote's."""

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        """Try what a secret is allowed, with one harmless GET for each code."""


class StoreWire:
    """The real one."""

    def roll(self, token: ApiToken, *, signer: ApiToken) -> RawReply:
        # A client of its own, and so a fresh connection: on one that was kept alive, a POST can
        # meet the server closing it, and nobody would know whether it was executed.
        with build_client(
            signer,
            timeouts=configured_timeouts(),
            retries=0,
            max_wait_seconds=LIMIT_WAIT_SECONDS,
        ) as client:
            return client.roll_secret(token.token_id)

    def standing(self, token: ApiToken, *, secret: Secret) -> Answer:
        answer = Answer(Standing.UNCLEAR, "")
        for left in reversed(range(PROBE_TRIES)):
            try:
                with build_client(token, timeouts=PROBE_TIMEOUTS, secret=secret) as client:
                    answer = _judged(client.probe())
            except (PandabaseError, ConfigurationError) as error:
                answer = Answer(Standing.UNCLEAR, str(error))
            if answer.standing is not Standing.UNCLEAR:
                break
            if left:
                time.sleep(PAUSE_SECONDS)
        return answer

    def try_permissions(self, token: ApiToken, *, secret: Secret, codes: Iterable[str]) -> Tried:
        lacking: set[str] = set()
        unclear: set[str] = set()
        untried: set[str] = set()
        with build_client(token, timeouts=PROBE_TIMEOUTS, secret=secret, retries=1) as client:
            for code in codes:
                operation = _harmless_operation(code)
                if operation is None:
                    untried.add(code)
                else:
                    _try(client, operation, code, lacking=lacking, unclear=unclear)
        return Tried(frozenset(lacking), frozenset(unclear), frozenset(untried))


def send_bound_seconds() -> float:
    """Longest time from SENT to an answer or its absence."""
    return LIMIT_WAIT_SECONDS + configured_timeouts().total_seconds


def _judged(raw: RawReply) -> Answer:
    """What an answer shows. Only an answer in JSON is the API's own: a proxy or a captive portal
    has 200s, 401s and 403s of its own."""
    try:
        own = isinstance(decode(raw.body).data, dict)
    except ProtocolError:
        own = False
    where = f"HTTP {raw.status}"
    if own and raw.status in (200, 403):
        return Answer(Standing.WORKS, f"The remote accepts it ({where}).", raw.request_id)
    if own and raw.status == 401:
        return Answer(Standing.REFUSED, f"The remote refuses it ({where}).", raw.request_id)
    return Answer(Standing.UNCLEAR, f"The remote gave no clear answer ({where}).", raw.request_id)


def _try(
    client: Client, operation: Operation, code: str, *, lacking: set[str], unclear: set[str]
) -> None:
    try:
        client.request(operation, query={"limit": 1} if "limit" in operation.query else None)
    except MissingPermission as error:
        # A refusal that names other codes alone says nothing of this one.
        (lacking if code in error.codes or not error.codes else unclear).add(code)
    except PandabaseError:
        unclear.add(code)


def _harmless_operation(code: str) -> Operation | None:
    """A GET of the store alone that needs this permission; None when there is none."""
    name = READ_PROBES.get(code.removesuffix("_READ")) if code.endswith("_READ") else None
    operation = OPERATIONS[name] if name else None
    return operation if operation is not None and operation.path.count("{") == 1 else None
