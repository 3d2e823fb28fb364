"""One running sandbox: for tests inside a process, and for the management command."""

from __future__ import annotations

import json
import secrets
from types import TracebackType
from typing import Any

from pandabase_django.sandbox.api.bodies import EVENT_TYPES
from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.api.webhook_writes import add_webhook
from pandabase_django.sandbox.application import Application
from pandabase_django.sandbox.control.changes import apply_changes
from pandabase_django.sandbox.control.dump import dump_objects
from pandabase_django.sandbox.control.endpoint import Control
from pandabase_django.sandbox.faults.rules import Faults
from pandabase_django.sandbox.http.server import Server, answered
from pandabase_django.sandbox.http.wire import Request, Response
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.renaming import give_foreign_ids, give_odd_ids
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState, WorldSize
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS, Token, TokenRegistry
from pandabase_django.sandbox.webhooks.deliveries import MOST_SENDERS, Deliveries, Post

__all__ = ["UNHEARD_URL", "Sandbox"]

UNHEARD_URL = "https://pandabase.test"
"""Address of a sandbox that does not listen; no such name exists anywhere (RFC 6761)."""


class Sandbox:
    """A local Store API with one store, one HMAC and one Bearer token.

    It answers from construction to :meth:`close`; as a context manager it closes itself.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        products: int = 250,
        orders: int = 3_000,
        categories: int = 12,
        host: str = "127.0.0.1",
        port: int = 0,
        force_public: bool = False,
        listen: bool = True,
        deliver: bool = True,
        equal_times: bool = False,
        odd_ids: bool = False,
        foreign_ids: int = 0,
        **settings: Any,
    ) -> None:
        """Start answering.

        Args:
            seed: The same seed gives the same store, ids, tokens and secrets.
            products: Seeded products.
            orders: Seeded orders; a million costs no time and no memory.
            categories: Seeded categories.
            host: Address to listen on.
            port: TCP port; 0 takes a free one.
            force_public: Accept an address that is not loopback.
            listen: Open a socket. Without one, ask by :meth:`answer`.
            deliver: Send webhooks. Otherwise :meth:`send_deliveries` does.
            equal_times: All seeded products and orders were created at one moment.
            odd_ids: Some products, categories and orders have ids with characters such as ``/``.
            foreign_ids: Some have the ids that a sandbox of this seed gives to its own; 0: none.
            **settings: Fields of :class:`pandabase_django.sandbox.settings.Settings`.

        Raises:
            NotLoopback: ``host`` is not loopback, and ``force_public`` is not set.
            ValueError: Unknown setting, or a number out of range.
            OSError: The port is taken.
        """
        size = WorldSize(
            seed=seed,
            products=products,
            orders=orders,
            categories=categories,
            equal_times=equal_times,
        )
        self.state = StoreState(size)
        if odd_ids:
            give_odd_ids(self.state)
        if foreign_ids:
            give_foreign_ids(self.state, seed=foreign_ids)
        self._faults = Faults(self.state.clock)
        self._tokens = TokenRegistry(seed=seed, ids=self.state.ids)
        self._services = Services(self.state, self._tokens, settings=Settings())
        self._services.settings.update(settings)
        self.hmac_token = self._tokens.add(mode="HMAC")
        self.bearer_token = self._tokens.add(mode="BEARER")
        self._deliveries = Deliveries(
            self.state, self._services.settings, threads=MOST_SENDERS if deliver else 0
        )
        self._delivers = deliver
        key = secrets.token_hex(8)
        self._control = Control(
            self._services,
            faults=self._faults,
            deliveries=self._deliveries,
            key=key,
            open_to_loopback=not force_public,
            stop=self.close,
        )
        application = Application(self._services, faults=self._faults, control=self._control)
        self._handle = application.handle
        self._server = (
            Server(self._handle, host=host, port=port, force_public=force_public)
            if listen
            else None
        )
        self.url = self._server.url if self._server else UNHEARD_URL
        self.store_id = self.state.store_id
        self.control_url = f"{self.url}/_sandbox/{key}"
        if self._server:
            self._server.start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def answer(self, request: Request) -> Response:
        """Answer one request as it would be answered over a socket."""
        return answered(self._handle, request)

    @property
    def requests_served(self) -> int:
        """Requests to the Store API so far; control calls don't count."""
        return self._services.log.total

    def requests(self, *, since: int = 0) -> list[Json]:
        """The last requests to the Store API, without secrets, oldest first."""
        return self._services.log.since(since)

    def change(self, changes: list[Json]) -> list[str]:
        """Change the store; returns the ids touched.

        Raises:
            ChangeRefused: Unknown operation or object.
        """
        return apply_changes(self.state, changes)

    def fault(self, rules: list[Json]) -> list[int]:
        """Add fault rules; returns their numbers.

        Raises:
            RuleRefused: Unknown action or condition.
        """
        return self._faults.add(rules)

    def clear_faults(self) -> None:
        """Forget all fault rules."""
        self._faults.clear()

    def set(self, **settings: Any) -> None:
        """Change settings.

        Raises:
            ValueError: Unknown setting, or a value of the wrong kind.
        """
        self._services.settings.update(settings)

    def set_clock(self, ms: int | None) -> None:
        """Stop the clock of changes (milliseconds since 1970), or let it run again (None)."""
        self.state.clock.set(ms)

    def pass_time(self, *, seconds: float) -> None:
        """Let time pass on the clock of changes, at once, and for deliveries sent by hand."""
        self.state.clock.move_on(round(seconds * 1000))
        if not self._delivers:
            self._deliveries.pass_time(seconds=seconds)

    def add_token(
        self,
        *,
        mode: str = "HMAC",
        permissions: tuple[str, ...] = ALL_PERMISSIONS,
        secret: str | None = None,
    ) -> Token:
        """Add a token to the store.

        Raises:
            ValueError: Unknown mode, or the store has 25 tokens.
        """
        return self._tokens.add(mode=mode, permissions=permissions, secret=secret)

    def permit_token(self, token_id: str, permissions: tuple[str, ...]) -> None:
        """Give a token these permissions and no others.

        Raises:
            LookupError: No such token.
        """
        self._tokens.permit(token_id, permissions)

    def revoke_token(self, token_id: str) -> bool:
        """Revoke a token; False when there was none."""
        return self._tokens.revoke(token_id)

    def secret_of(self, token_id: str) -> str:
        """The secret of a token as it is now.

        Raises:
            LookupError: No such token.
        """
        token = self._tokens.find(token_id)
        if token is None:
            raise LookupError(token_id)
        return token.secret

    def add_webhook(
        self,
        url: str,
        *,
        event_types: tuple[str, ...] = EVENT_TYPES,
        signature_version: str = "V2",
    ) -> Json:
        """Make a webhook endpoint, http allowed; the answer holds the signing secret.

        Raises:
            ValueError: The URL is not http or https, or an event type or the version is unknown.
        """
        return add_webhook(
            self.state, url=url, event_types=event_types, signature_version=signature_version
        )

    def deliveries(self, *, since: int = 0) -> list[Json]:
        """Webhook deliveries after a number, oldest first, without bodies and signatures."""
        return self._deliveries.log(since=since)

    def send_deliveries(self, post: Post) -> int:
        """Send the deliveries that are due, one after the other; returns how many.

        Args:
            post: Sends one. Its errors pass; a status that is none of success is tried again later.
        """
        return self._deliveries.send_due(post)

    def repeat_delivery(self, event_id: str) -> int:
        """Send an event once more; returns to how many endpoints.

        Raises:
            LookupError: Nothing of that event is kept.
        """
        return self._deliveries.repeat(event_id)

    def hurry_deliveries(self) -> int:
        """Make every waiting delivery due now; returns how many waited."""
        return self._deliveries.hurry()

    def wait_for_deliveries(self, *, timeout_seconds: float = 30.0) -> bool:
        """Wait until every delivery has ended; False when some have not."""
        return self._deliveries.settled(timeout_seconds=timeout_seconds)

    def dump(self, kind: str, *, include_deleted: bool = True) -> list[Json]:
        """Every object of a kind in its detail form.

        Raises:
            ValueError: Unknown kind.
        """
        return dump_objects(self._services, kind, include_deleted=include_deleted)

    def counts(self) -> Json:
        """How many objects of each kind a reader would be shown."""
        return self._control.counts()

    def start_line(self, *, webhook: Json | None = None) -> str:
        """What the command prints on start: one line of JSON, secrets included."""
        return json.dumps(
            {
                "url": self.url,
                "store": self.store_id,
                "tokens": [
                    {
                        "mode": token.mode,
                        "token_id": token.token_id,
                        "secret": token.secret,
                        "permissions": list(token.permissions),
                    }
                    for token in self._tokens.every()
                ],
                "control_url": self.control_url,
                **({} if webhook is None else {"webhook": webhook}),
            }
        )

    def wait(self) -> None:
        """Return once the sandbox is closed; at once when it does not listen."""
        if self._server:
            self._server.wait()

    def close(self) -> None:
        """Stop answering and sending, and drop every connection."""
        self._deliveries.close()
        if self._server:
            self._server.close()
