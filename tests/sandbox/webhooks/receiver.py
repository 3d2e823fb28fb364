"""A web server that keeps what it is sent and answers as it was told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Listens on a free port; a context manager.

    Args:
        statuses: Answers in order; the last one repeats. 0 drops the connection.
    """

    def __init__(self, statuses: Iterable[int] = (200,), *, seconds: float = 0.0) -> None:
        self.received: list[Received] = []
        self._statuses = list(statuses)
        self._seconds = seconds
        self._guard = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver._keep(Received(self.path, dict(self.headers), body))
                time.sleep(receiver._seconds)
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/x"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _keep(self, received: Received) -> int:
        with self._guard:
            self.received.append(received)
            return self._statuses[min(len(self.received), len(self._statuses)) - 1]

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
