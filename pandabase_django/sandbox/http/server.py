"""A threaded HTTP/1.1 server: a thread a connection, kept alive, Nagle off, one send an answer."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import struct
import threading
from collections.abc import Callable

from pandabase_django.sandbox.http.wire import (
    BadRequest,
    ConnectionReader,
    Request,
    Response,
    failure,
)

__all__ = ["NotLoopback", "Server", "answered"]

logger = logging.getLogger(__name__)

Handle = Callable[[Request], Response]

_HIGHEST_PORT = 65_535
_BACKLOG = 256
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class NotLoopback(ValueError):
    """The address can be reached from other machines, and nobody asked for that."""


class Server:
    """Listens from construction on; answers from :meth:`start` to :meth:`close`."""

    def __init__(
        self,
        handle: Handle,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        force_public: bool = False,
    ) -> None:
        """Open the listening socket.

        Args:
            handle: Answers one request; called from many threads.
            host: Address to listen on.
            port: TCP port; 0 takes a free one.
            force_public: Accept an address that is not loopback.

        Raises:
            NotLoopback: The address is not loopback, and ``force_public`` is not set.
            ValueError: The port is none.
            OSError: The port is taken, or the host is none of this machine's.
        """
        if not 0 <= port <= _HIGHEST_PORT:
            raise ValueError(f"port must be 0 to {_HIGHEST_PORT}")
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if not force_public and not ipaddress.ip_address(str(address[0])).is_loopback:
            raise NotLoopback(f"{host} is not a loopback address")
        self._handle = handle
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(address)
            self._listener.listen(_BACKLOG)
        except OSError:
            self._listener.close()
            raise
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="sandbox", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Answer requests from now on."""
        self._acceptor.start()

    def wait(self) -> None:
        """Return once the server is closed."""
        while not self._closed.wait(0.5):  # in slices, so that signals get through
            pass

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._closed.set()
        # A shutdown wakes the accept of another thread; a mere close would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        # Threads that answer a slow request at this moment are not waited for: they are daemons.
        if self._acceptor.is_alive() and self._acceptor is not threading.current_thread():
            self._acceptor.join(timeout=5)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self._connections.add(connection)
            threading.Thread(
                target=self._serve, args=(connection, str(address[0])), daemon=True
            ).start()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = ConnectionReader(connection, peer=peer)
            while not self._closed.is_set() and self._answer_one(connection, reader):
                pass
        except OSError:
            pass  # the peer went away: nobody is left to tell
        finally:
            with self._guard:
                self._connections.discard(connection)
            connection.close()

    def _answer_one(self, connection: socket.socket, reader: ConnectionReader) -> bool:
        """Answer one request; whether the connection goes on."""
        try:
            request = reader.next_request()
        except BadRequest as error:
            response = failure(error.status, str(error))
            connection.sendall(response.head(keep_alive=False) + response.body)
            return False
        if request is None:
            return False
        response = answered(self._handle, request)
        if request.method == "HEAD":  # never has a body; whoever sends one may close
            response.cut_after = 0
        keep_alive = request.headers.get("connection", "").lower() != "close"
        if response.drop or response.cut_after is not None or response.raw is not None:
            keep_alive = False
        _send(connection, response, keep_alive=keep_alive)
        return keep_alive


def answered(handle: Handle, request: Request) -> Response:
    """Answer a request, whatever happens: one that fails must not look like a lost connection."""
    try:
        return handle(request)
    except Exception:  # the edge
        logger.exception("The sandbox failed to answer %s %s", request.method, request.path)
        return failure(500, "The sandbox failed; see its log")


def _send(connection: socket.socket, response: Response, *, keep_alive: bool) -> None:
    if response.drop == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return
    for piece in response.pieces(keep_alive=keep_alive):
        connection.sendall(piece)
