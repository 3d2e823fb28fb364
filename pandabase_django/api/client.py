"""The Store API as Python: one generic ``request`` and typed namespaces for what is mirrored."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from requests.auth import AuthBase

from pandabase_django.api import schemas
from pandabase_django.api.operations import OPERATIONS, Operation
from pandabase_django.api.replies import RawReply, Reply
from pandabase_django.api.request_logs import RequestLogEntry
from pandabase_django.api.resources import (
    Listing,
    Lists,
    Orders,
    Products,
    Store,
    Webhooks,
)
from pandabase_django.api.traffic import Traffic
from pandabase_django.api.transport import Transport
from pandabase_django.exceptions import InvalidCredential, MissingPermission

__all__ = ["Client"]


class Client:
    """Calls the Store API with one token. Threads may share it.

    Use it as a context manager; it keeps connections open.

    Args:
        transport: Sends the requests, to one store with one token. The client closes it.
        declared_permissions: What the token's owner declares; empty when nothing is known, and
            then every call is tried.
        on_refused: Asked after a 401 for another credential; None when there is none. Called in
            the thread that met the 401.
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
        self._noting = threading.Lock()
        self._granted: set[str] = set()
        self._denied: set[str] = set()
        self.store = Store(self)
        self.products = Products(self)
        self.categories = Lists(self, "categories_list", "category_get", schemas.Category.from_json)
        self.orders = Orders(self)
        self.refunds = Lists(self, "refunds_list", "refund_get", schemas.Refund.from_json)
        self.disputes = Lists(self, "disputes_list", "dispute_get", schemas.Dispute.from_json)
        self.ledger = Listing(self, "ledger_list", schemas.LedgerEntry.from_json)
        self.request_logs = Listing(self, "request_logs_list", RequestLogEntry.from_json)
        self.webhooks = Webhooks(self)

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

    def request(
        self,
        operation: str | Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Call any operation of the table.

        Args:
            operation: Its name in ``OPERATIONS``, or the operation itself.
            params: What the path names beside the store.
            query: Query parameters in the remote's spelling; None values are left out.
            body: JSON value of the body.
            idempotency_key: 8 to 32 of ``[A-Za-z0-9_-]``; writes get a random one by default,
                the same for all tries. Source: P-10.

        Raises:
            TypeError: The operation does not take these parameters.
            MissingPermission: The token declares its permissions and this one is not among them
                (then nothing was sent), or the remote said so.
            InvalidCredential: The remote refuses the credential, and there is no newer one; or
                it refused that one too.
            PandabaseError: Any other failure.
        """
        op = OPERATIONS[operation] if isinstance(operation, str) else operation
        unknown = set(query or ()) - op.query
        if unknown:
            raise TypeError(f"{op.name} takes no query parameter {', '.join(sorted(unknown))}.")
        path = op.fill({"store_id": self._transport.store_id, **(params or {})})
        self._refuse_undeclared(op)
        headers = {}
        if not op.reads:
            headers["Idempotency-Key"] = idempotency_key or secrets.token_hex(16)

        def send() -> Reply:
            return self._transport.send(
                op.method,
                path,
                query={k: _query_text(v) for k, v in (query or {}).items() if v is not None},
                body=None if body is None else _encoded(body),
                headers=headers,
                repeatable=op.reads,
            )

        try:
            reply = self._with_newest_credential(send)
        except MissingPermission as error:
            with self._noting:
                self._denied.update(error.codes)
            raise
        with self._noting:
            if op.permission:
                self._granted.add(op.permission)
        return reply

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
        return self._transport.send_once(op.method, op.fill({"store_id": self._transport.store_id}))

    def roll_secret(self, token_id: str) -> RawReply:
        """Roll a token's secret: one request, never repeated, its answer not even parsed.

        The old secret is dead as soon as the remote executes this, and the answer holds the only
        copy of the new one. Source: P-15, P-16. So whatever part of an answer arrives comes back.

        Raises:
            TransportError: Nothing arrived; ``executed`` tells whether it may have happened.
            RateLimited: A limit is known to be exhausted; nothing was sent.
        """
        op = OPERATIONS["secret_roll"]
        path = op.fill({"store_id": self._transport.store_id, "token_id": token_id})
        return self._transport.send_once(op.method, path, keep_any=True)

    def _with_newest_credential(self, send: Callable[[], Reply]) -> Reply:
        generation = self._transport.auth.generation
        try:
            return send()
        except InvalidCredential as error:
            error.generation = generation
            if not self.renew(error):
                raise
        generation = self._transport.auth.generation
        try:
            return send()
        except InvalidCredential as error:
            error.generation, error.tried_again = generation, True
            raise

    def _refuse_undeclared(self, op: Operation) -> None:
        if self._declared and op.permission and op.permission not in self._declared:
            raise MissingPermission(
                f"This token does not declare {op.permission}, which {op.name} needs.",
                status=403,
                codes=(op.permission,),
                sent=False,
            )


def _encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _query_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
