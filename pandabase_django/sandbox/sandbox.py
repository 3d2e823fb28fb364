"""One running sandbox: for tests inside a process, and for the management command."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.application import Application
from pandabase_django.sandbox.control.endpoint import Control
from pandabase_django.sandbox.control.handle import Handle
from pandabase_django.sandbox.faults.rules import Faults
from pandabase_django.sandbox.http.idempotency import Replays
from pandabase_django.sandbox.http.server import Server, answered
from pandabase_django.sandbox.http.wire import Request, Response
from pandabase_django.sandbox.keep.contents import Contents
from pandabase_django.sandbox.keep.files import StateRefused
from pandabase_django.sandbox.keep.keeper import Keeper
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.renaming import give_foreign_ids, give_odd_ids
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState, WorldSize
from pandabase_django.sandbox.store.tokens import TokenRegistry
from pandabase_django.sandbox.webhooks.deliveries import MOST_SENDERS, Deliveries

__all__ = ["UNHEARD_URL", "Sandbox"]

UNHEARD_URL = "https://pandabase.test"
"""Address of a sandbox that does not listen; no such name exists anywhere (RFC 6761)."""


class Sandbox(Handle):
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
        state_file: str | Path | None = None,
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
            state_file: Keeps the store across restarts; it holds secrets, and is for its owner.
            **settings: Fields of :class:`pandabase_django.sandbox.settings.Settings`.

        Raises:
            NotLoopback: ``host`` is not loopback, and ``force_public`` is not set.
            StateRefused: The file can't be used, or holds a store that is seeded otherwise.
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
            self.state,
            self._services.settings,
            threads=MOST_SENDERS if deliver else 0,
            note=lambda: self._services.note(),
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
        replays = Replays()
        application = Application(
            self._services, faults=self._faults, control=self._control, replays=replays
        )
        self._handle = application.handle
        self._server = (
            Server(self._handle, host=host, port=port, force_public=force_public)
            if listen
            else None
        )
        self.url = self._server.url if self._server else UNHEARD_URL
        self.store_id = self.state.store_id
        self.control_url = f"{self.url}/_sandbox/{key}"
        self._keeper: Keeper | None = None
        if state_file is not None:
            world = {**asdict(size), "odd_ids": odd_ids, "foreign_ids": foreign_ids}
            self._keep(Path(state_file), replays, world)
        if self._server:
            self._server.start()

    def _keep(self, path: Path, replays: Replays, world: Json) -> None:
        contents = Contents(self._services, replays=replays, deliveries=self._deliveries)
        try:
            self._keeper = Keeper(path, contents, world=world)
        except StateRefused:
            self.close()
            raise
        self._services.note = self._keeper.note
        self.state.before_change.append(self._keeper.note)
        self.hmac_token = self._tokens.of_mode("HMAC") or self.hmac_token
        self.bearer_token = self._tokens.of_mode("BEARER") or self.bearer_token

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
        """Stop answering and sending, drop every connection, and keep what is to be kept."""
        self._deliveries.close()
        if self._server:
            self._server.close()
        if self._keeper:
            self._keeper.close()
