"""The Store API as Python: ``request`` by the name of an operation, and a method for each."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from requests.auth import AuthBase

from pandabase_django import observing
from pandabase_django.api.arguments import (
    checked_key,
    checked_timeout,
    encoded_body,
    found_operation,
    path_values,
    query_texts,
)
from pandabase_django.api.listing import Scrub
from pandabase_django.api.operations import OPERATIONS, Operation, label_of
from pandabase_django.api.outcomes import note_outcome
from pandabase_django.api.resources import Namespaces
from pandabase_django.api.resources.typed import typed_by_name
from pandabase_django.api.wire.replies import RawReply, Reply
from pandabase_django.api.wire.traffic import Traffic
from pandabase_django.api.wire.transport import Transport
from pandabase_django.exceptions import (
    InvalidCredential,
    MissingPermission,
    PandabaseError,
)

__all__ = ["Client"]


class Client(Namespaces):
    """Calls the Store API with one token. Threads may share it.

    Use it as a context manager; it keeps connections open.

    Args:
        transport: Sends the requests, to one store with one token. The client closes it.
        declared_permissions: What the token's owner declares; empty when nothing is known, and
            then every call is tried.
        on_refused: Asked after a 401 for another credential; None when there is none. Called in
            the thread that met the 401.

    Attributes:
        scrub: What each object of the typed namespaces goes through before it is read; None leaves
            all as it is. Called in the threads that read.
        client_id: Named in each ``InvalidCredential`` that a request of this client met.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        declared_permissions: frozenset[str] = frozenset(),
        on_refused: Callable[[], AuthBase | None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._declared = declared_permissions
        self._on_refused = on_refused
        self.scrub: Scrub | None = None
        self.client_id: str = secrets.token_hex(8)
        self._noting = threading.Lock()
        self._accepted_generation = 0
        self._granted: set[str] = set()
        self._denied: set[str] = set()
        super().__init__(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def give_up(self) -> None:
        """End the waits of all threads, for limits and before retries; their calls then fail."""
        self._transport.give_up()

    @property
    def traffic(self) -> Traffic:
        """What was sent and slept so far."""
        return self._transport.traffic

    @property
    def granted(self) -> frozenset[str]:
        """Permissions that answered calls have shown."""
        with self._noting:
            return frozenset(self._granted)

    @property
    def denied(self) -> frozenset[str]:
        """Permissions that a 403 named as missing."""
        with self._noting:
            return frozenset(self._denied)

    @property
    def accepted(self) -> bool:
        """The credential in use was good for the last signed request that showed anything of it."""
        with self._noting:
            return self._accepted_generation == self._transport.auth.generation

    @property
    def generation(self) -> int:
        """Which of several credentials is in use."""
        return self._transport.auth.generation

    @typed_by_name
    def request(
        self,
        operation: str | Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Call any operation of the table.

        A type checker knows what each name takes. Whoever has the name in a variable gives
        ``OPERATIONS[name]``.

        Args:
            operation: Its name in ``OPERATIONS``, or the operation itself.
            params: What the path names beside the store.
            query: Query parameters in the remote's spelling; None values are left out. Times need
                a time zone.
            body: JSON value of the body.
            idempotency_key: 8 to 32 of ``[A-Za-z0-9_-]``; writes get a random one by default,
                the same for all tries. Source: P-10.
            timeout: Seconds that the call may take, tries and waits together; None for as long as
                the settings let each of them take.

        Raises:
            LookupError: There is no such operation.
            TypeError: The operation does not take these parameters, or values of this type.
            ValueError: A value can't be sent.
            RuntimeError: The client is closed.
            MissingPermission: The token declares its permissions and this one is not among them
                (then nothing was sent), or the remote said so.
            InvalidCredential: The remote refuses the credential, and there is no newer one; or
                it refused that one too.
            PandabaseError: Any other failure. Of a write ``outcome_unknown`` says whether it may
                have been executed all the same, and ``idempotency_key`` what it was sent with.
        """
        op = found_operation(operation)
        values = path_values(op, params)
        path = op.fill({"store_id": self._transport.store_id, **values})
        texts, encoded = query_texts(op, query), encoded_body(op, body)
        checked_timeout(timeout)
        key = checked_key(op, idempotency_key) or ("" if op.reads else secrets.token_hex(16))
        self._refuse_undeclared(op)

        def send() -> Reply:
            return self._transport.send(
                op.method,
                path,
                query=texts,
                body=encoded,
                headers={"Idempotency-Key": key} if key else {},
                repeatable=op.repeatable,
                timeout=timeout,
            )

        try:
            with observing.call(label_of(op)):
                reply = self._with_newest_credential(send)
        except PandabaseError as error:
            if isinstance(error, MissingPermission):
                with self._noting:
                    self._denied.update(error.codes)
            if not op.repeatable:
                note_outcome(error, key=key)
            raise
        with self._noting:
            if op.permission:
                self._granted.add(op.permission)
        return replace(reply, idempotency_key=key)

    def renew(self, error: InvalidCredential) -> bool:
        """Whether a request that met this 401 is worth one more try with another credential.

        Whoever owns the client calls it for requests that it lets other threads send.
        """
        if error.tried_again:
            return False
        if error.generation == self._transport.auth.generation:
            auth = self._on_refused()
            if auth is None:
                return False
            self._transport.auth.replace(auth)
        return True

    def permit(self, *, declared: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Speak for another token from now on.

        Returns:
            What calls have shown of the one before: granted and denied.
        """
        with self._noting:
            shown = (frozenset(self._granted), frozenset(self._denied))
            self._granted.clear()
            self._denied.clear()
            self._declared = declared
        return shown

    def probe(self) -> RawReply:
        """Read the store, once, and give the answer as it came, whatever it says.

        Raises:
            TransportError: No complete answer arrived.
        """
        op = OPERATIONS["store_get"]
        path = op.fill({"store_id": self._transport.store_id})
        with observing.call(op.name):
            return self._transport.send_once(op.method, path)

    def roll_secret(self, token_id: str) -> RawReply:
        """Roll a token's secret: one request, never repeated, its answer not even parsed.

        The old secret is dead as soon as the remote executes this, and the answer holds the only
        copy of the new one. Source: P-15, P-16. So whatever part of an answer arrives comes back.

        Raises:
            TransportError: Nothing arrived; ``executed`` says whether it may have happened.
            RateLimited: A limit is known to be exhausted; nothing was sent.
        """
        op = OPERATIONS["secret_roll"]
        path = op.fill({"store_id": self._transport.store_id, "token_id": token_id})
        try:
            with observing.call(op.name):
                return self._transport.send_once(op.method, path, keep_any=True)
        except PandabaseError as error:
            note_outcome(error, key="")
            raise

    def _with_newest_credential(self, send: Callable[[], Reply]) -> Reply:
        try:
            return self._judged(send)
        except InvalidCredential as error:
            if not self.renew(error):
                raise
        try:
            return self._judged(send)
        except InvalidCredential as error:
            error.tried_again = True
            raise

    def _judged(self, send: Callable[[], Reply]) -> Reply:
        """Note what the answer to a signed request says of the credential."""
        generation = self._transport.auth.generation
        try:
            reply = send()
        except InvalidCredential as error:
            error.client_id, error.generation = self.client_id, generation
            with self._noting:
                self._accepted_generation = 0
            raise
        with self._noting:
            self._accepted_generation = generation
        return reply

    def _refuse_undeclared(self, op: Operation) -> None:
        if self._declared and op.permission and op.permission not in self._declared:
            raise MissingPermission(
                f"This token does not declare {op.permission}, which {op.name} needs.",
                status=403,
                codes=(op.permission,),
                sent=False,
            )
