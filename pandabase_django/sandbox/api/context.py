"""What an endpoint gets besides the request: the store, the caller, the settings, the log."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pandabase_django.sandbox.http.wire import Request
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.tokens import Token, TokenRegistry

__all__ = ["Call", "PageCache", "RequestLog", "Services"]

_KEPT_REQUESTS = 10_000
_KEPT_PAGES = 1_200


class RequestLog:
    """The last requests to the Store API, and how many there ever were. Holds no secret."""

    KEPT: ClassVar[tuple[str, ...]] = ("_entries", "total")

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self.total = 0

    def add(self, request: Request, *, token_id: str, status: int, seconds: float) -> None:
        """Keep what a request was, and how it was answered."""
        with self._guard:
            self.total += 1
            self._entries.append(
                {
                    "seq": self.total,
                    "at_ms": int(time.time() * 1000),
                    "method": request.method,
                    "path": request.path,
                    "query": request.query_text,
                    "token_id": token_id,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 3),
                    "peer": request.peer,
                }
            )

    def since(self, seq: int) -> list[dict[str, Any]]:
        """Entries after a sequence number, oldest first."""
        with self._guard:
            return [entry for entry in self._entries if entry["seq"] > seq]


class PageCache:
    """Rendered pages, the least recently used dropped first."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> bytes | None:
        """A page; None when it must be rendered."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def put(self, key: tuple[Any, ...], page: bytes) -> None:
        """Keep a page."""
        self._pages[key] = page
        if len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)


@dataclass
class Services:
    """Everything one running sandbox shares between requests."""

    state: StoreState
    tokens: TokenRegistry
    settings: Settings = field(default_factory=Settings)
    log: RequestLog = field(default_factory=RequestLog)
    pages: PageCache = field(default_factory=PageCache)
    note: Callable[[], None] = lambda: None
    """To be called after something was changed: a keeper listens."""


@dataclass
class Call:
    """One authenticated request on its way through an endpoint."""

    services: Services
    request: Request
    token: Token
    ids: dict[str, str]
    """Ids taken from the path, by kind."""
    body: dict[str, Any] = field(default_factory=dict)
    """Of a write: checked, see ``bodies.BODIES``."""

    @property
    def state(self) -> StoreState:
        """The store."""
        return self.services.state

    def index(self, kind: str) -> int:
        """The index inside the id that the path names; -1 when this seed never made it."""
        index = self.state.ids.index_of(kind, self.ids[kind])
        return -1 if index is None else index
