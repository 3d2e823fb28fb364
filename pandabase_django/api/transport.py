"""One request: time-outs, retries, rate limits, and errors without secrets.

This is the one place where an exception of ``requests`` is met. It is replaced with ``from None``,
since the original carries the prepared request and with it the credential.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

from pandabase_django.api.auth import ReplaceableAuth
from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.headers import blocked_until
from pandabase_django.api.rate import MemoryRateState, RateState, scope_key
from pandabase_django.api.replies import RawReply, Reply, read_reply
from pandabase_django.api.traffic import RateLimitWait, Traffic
from pandabase_django.exceptions import (
    PandabaseError,
    ProtocolError,
    RateLimited,
    ServerError,
    TransportError,
)

__all__ = ["RETRIES", "Timeouts", "Transport"]

CHUNK_BYTES = 256 * 1024
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_KEPT_BYTES = 1024 * 1024  # of an answer that is sealed as a whole
RETRIES = 4  # further tries of a request that may be repeated
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
_UNPRINTABLE = re.compile(r"[^!-~]")  # what no database or log line is given
_SCOPE_NAMES: Mapping[str, str] = {
    "ip": "this address",
    "store": "the store",
    "token": "the token",
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, of silence while reading, and in all for one answer."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0

    @property
    def total_seconds(self) -> float:
        """Bounds an answer that drips in byte by byte."""
        return self.connect_seconds + 2 * self.read_seconds


class Transport:
    """Sends requests of one token. Threads may share it: nothing of the session changes.

    Args:
        base_url: As ``normalise_base_url`` gives it.
        auth: Signs each prepared request.
        store_id: For the rate limit's scope.
        token_key: For the rate limit's scope; not a secret.
        rate_state: Memory of exhausted limits.
        timeouts: See ``Timeouts``.
        pool_size: Connections kept open.
        max_wait_seconds: Longest sleep for a limit; a longer one is a RateLimited at once.
        retries: Further tries of a request that may be repeated.
        clock: Gives the Unix epoch seconds.
        sleep: Waits for so many seconds; by default a wait that ``give_up`` ends.

    Attributes:
        store_id: The store that is called.
        auth: What signs; its ``replace`` gives it another credential.
        traffic: What was sent and slept so far.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: AuthBase,
        store_id: str,
        token_key: str,
        rate_state: RateState | None = None,
        timeouts: Timeouts | None = None,
        pool_size: int = 4,
        max_wait_seconds: float = 65.0,
        retries: int = RETRIES,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._base_url = normalise_base_url(base_url)
        self.auth = ReplaceableAuth(auth)
        self.store_id = store_id
        self._token_key = token_key
        self._rate_state = rate_state if rate_state is not None else MemoryRateState()
        self._timeouts = timeouts or Timeouts()
        self._max_wait = max_wait_seconds
        self._retries = retries
        self._given_up = threading.Event()
        self._sleep = sleep or self._given_up.wait
        self._clock = clock
        self.traffic = Traffic(clock=clock)
        # One session for all threads: its pool is thread-safe, and neither cookies nor headers
        # are ever set on it. The environment is not trusted: a .netrc would replace our auth.
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(_NoCookies())
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, pool_block=False)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def give_up(self) -> None:
        """End every wait, for a limit or before a retry, with an error: nobody wants the answer."""
        self._given_up.set()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """Send a request and read its envelope, again where that is safe.

        A request that is not ``repeatable`` is sent again only when the remote surely did not
        execute it: no connection was made, or it answered 429.

        Raises:
            PandabaseError: See ``pandabase_django.exceptions``.
        """
        attempt = 0
        while True:
            try:
                raw = self.send_once(method, path, query=query, body=body, headers=headers)
                return read_reply(raw)
            except RateLimited as error:
                if error.retry_after_seconds is not None:
                    raise  # Known before and too long to sleep: nothing was sent.
                until = self._rate_state.blocked_until(self._scopes()) or self._clock() + 1
                error.retry_after_seconds = max(0.0, until - self._clock())
                # Waiting happens before the next send, by the block that was noted.
                if attempt >= self._retries:
                    raise
            except (TransportError, ServerError, ProtocolError) as error:
                unsent = isinstance(error, TransportError) and not error.executed
                if attempt >= self._retries or not (repeatable or unsent):
                    raise
                self._pause(random.uniform(0, _backoff(attempt)))  # noqa: S311
            attempt += 1

    def send_once(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep_any: bool = False,
    ) -> RawReply:
        """Send exactly one request, whatever comes of it.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            query: Query parameters.
            body: Bytes of the body.
            headers: Further headers.
            keep_any: Return also a redirect, and what arrived of an answer that broke off.

        Raises:
            TransportError: No complete answer arrived.
            ProtocolError: A redirect, or an answer beyond 32 MiB.
            RateLimited: A limit is known to be exhausted for longer than may be waited.
        """
        self._wait_for_limit()
        self.traffic.sends()
        sent = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent_at = self._clock()
        try:
            with self._session.request(
                method,
                self._base_url + path,
                params=query,
                data=body,
                headers=sent,
                auth=self.auth,
                timeout=(self._timeouts.connect_seconds, self._timeouts.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                received_at = self._clock()
                raw = RawReply(
                    status=response.status_code,
                    request_id=_UNPRINTABLE.sub("?", response.headers.get("X-Request-ID", ""))[
                        :200
                    ],
                    headers=response.headers,
                    **(self._kept(response) if keep_any else {"body": self._body(response)}),
                )
        except (requests.RequestException, HTTPError) as error:
            raise _transport_error(error) from None
        self._note_limit(raw, sent_at=sent_at, received_at=received_at)
        if 300 <= raw.status < 400 and not keep_any:
            raise ProtocolError(
                f"The remote redirects (HTTP {raw.status}); signed requests go nowhere else.",
                request_id=raw.request_id,
            )
        return raw

    def _body(self, response: requests.Response) -> bytes:
        """The whole body, within a size and a time.

        ``iter_content`` would wait for a full chunk, so that an answer of one byte a second could
        hold a worker for hours: ``read1`` gives what has arrived.
        """
        deadline = time.monotonic() + self._timeouts.total_seconds
        read = getattr(response.raw, "read1", response.raw.read)
        parts: list[bytes] = []
        size = 0
        while part := read(CHUNK_BYTES, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise ProtocolError("The answer is larger than 32 MiB.")
            if time.monotonic() > deadline:
                raise TransportError("The answer came too slowly.")
        return b"".join(parts)

    def _kept(self, response: requests.Response) -> dict[str, Any]:
        """As much of the body as arrives: the only copy of a secret may stand in it."""
        parts: list[bytes] = []
        deadline = time.monotonic() + self._timeouts.total_seconds
        read = getattr(response.raw, "read1", response.raw.read)
        try:
            while part := read(CHUNK_BYTES, decode_content=True):
                parts.append(part)
                if sum(map(len, parts)) > MAX_KEPT_BYTES or time.monotonic() > deadline:
                    return {"body": b"".join(parts), "complete": False}
        except (requests.RequestException, HTTPError, OSError):
            return {"body": b"".join(parts), "complete": False}
        return {"body": b"".join(parts), "complete": True}

    def _scopes(self) -> tuple[str, ...]:
        return ("ip", f"store:{self.store_id}", f"token:{self._token_key}")

    def _note_limit(self, raw: RawReply, *, sent_at: float, received_at: float) -> None:
        until = blocked_until(
            raw.headers, refused=raw.status == 429, sent_at=sent_at, received_at=received_at
        )
        if until is not None:
            scope = scope_key(
                raw.headers.get("X-RateLimit-Type", ""),
                token_key=self._token_key,
                store_id=self.store_id,
            )
            self._rate_state.block(scope, until)

    def _wait_for_limit(self) -> None:
        scopes = self._scopes()
        until = self._rate_state.blocked_until(scopes)
        seconds = 0.0 if until is None else until - self._clock()
        if seconds <= 0:
            return
        if seconds > self._max_wait:
            raise RateLimited(
                f"The rate limit is exhausted for {seconds:.0f} more seconds.",
                status=429,
                retry_after_seconds=seconds,
                known_before=True,
            )
        longest = max(scopes, key=lambda scope: self._rate_state.blocked_until((scope,)) or 0.0)
        scope = _SCOPE_NAMES[longest.partition(":")[0]]
        self.traffic.waits(RateLimitWait(scope=scope, until=until or 0))
        # A little apart, so that all waiting workers don't return in one instant.
        self._pause(seconds + random.uniform(0, 0.25))  # noqa: S311

    def _pause(self, seconds: float) -> None:
        self.traffic.sleeps(seconds)
        self._sleep(seconds)
        if self._given_up.is_set():
            raise TransportError("Nobody waits for the answer any more.", executed=False)


class _NoCookies(DefaultCookiePolicy):
    """Takes no cookie: each answer stands alone, and threads share the session."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


def _transport_error(error: Exception) -> PandabaseError:
    if isinstance(error, requests.exceptions.SSLError):
        return TransportError(
            "The TLS connection failed: the certificate or protocol is not right.", executed=False
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("The connection timed out.", executed=False)
    if isinstance(error, (requests.exceptions.Timeout, ReadTimeoutError)):
        return TransportError("No answer came in time.")
    refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
    if refused:
        return TransportError("No connection could be made.", executed=False)
    return TransportError("The connection broke before the answer was complete.")


def _backoff(attempt: int) -> float:
    return min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * float(2**attempt))
