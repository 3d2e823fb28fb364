"""Requests of one token: retries, rate limits, and errors without secrets."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone

from requests.auth import AuthBase

from pandabase_django import observing
from pandabase_django.api.auth import ReplaceableAuth
from pandabase_django.api.base_url import normalise_base_url
from pandabase_django.api.wire import network
from pandabase_django.api.wire.egress import Egress, host_and_port
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.replies import RawReply, Reply, read_reply
from pandabase_django.api.wire.sender import Sender
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.api.wire.traffic import RateLimitWait, Traffic
from pandabase_django.exceptions import (
    ProtocolError,
    RateLimited,
    ServerError,
    TransportError,
)

__all__ = ["Transport"]

BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
LEAST_SECONDS = 0.05  # for a request whose time is over when its turn comes


class Transport:
    """Sends requests of one token. Threads may share it: nothing of the session changes.

    Args:
        base_url: As ``normalise_base_url`` gives it.
        auth: Signs each prepared request.
        limits: The rate limits that its requests meet.
        policy: How long, and how often, a request is tried.
        pool_size: Connections kept open.
        clock: Gives the Unix epoch seconds; None takes the machine's.
        sleep: Waits for so many seconds; None waits until ``give_up`` ends it.
        egress: The way out of this machine; None goes directly.

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
        limits: RateLimits,
        policy: RequestPolicy,
        pool_size: int = 4,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], object] | None = None,
        egress: Egress | None = None,
    ) -> None:
        self.auth = ReplaceableAuth(auth)
        stand_in = network.stand_in()
        if stand_in is not None:
            clock, sleep = clock or stand_in.clock, sleep or stand_in.sleep
        clock, egress = clock or time.time, egress or Egress()
        base_url = normalise_base_url(base_url)
        self._host, _ = host_and_port(base_url)
        self._sender = Sender(
            base_url=base_url,
            auth=self.auth,
            timeouts=policy.timeouts,
            pool_size=pool_size,
            egress=egress,
            adapter=stand_in.adapter if stand_in else None,
            clock=clock,
        )
        self.store_id = limits.store_id
        self._limits = limits
        self._policy = policy
        self._before_write = egress.before_write
        self._given_up = threading.Event()
        self._sleep = sleep or self._given_up.wait
        self._clock = clock
        self.traffic = Traffic(clock=clock)
        self._closed = False
        self._turn = threading.Lock()

    def close(self) -> None:
        """Close the connections. Nothing can be sent afterwards."""
        self._closed = True
        self._sender.close()

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
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and read its envelope, again where that is safe.

        A request that is not ``repeatable`` is sent again only when the remote surely did not
        execute it: no connection was made, or it answered 429. A limit is waited for as often as
        it takes, but no longer than ``max_wait_seconds`` for one request.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            query: Query parameters.
            body: Bytes of the body.
            headers: Further headers.
            repeatable: It may be sent again after an answer that got lost.
            timeout: Seconds for all of it, tries and waits together; None for no such limit.

        Raises:
            PandabaseError: See ``pandabase_django.exceptions``.
        """
        attempt, began = 0, self._clock()
        until = None if timeout is None else began + timeout
        patience = min(self._policy.max_wait_seconds, timeout or math.inf)
        while True:
            try:
                return read_reply(
                    self.send_once(
                        method,
                        path,
                        query=query,
                        body=body,
                        headers=headers,
                        computes=repeatable,
                        until=until,
                    )
                )
            except RateLimited as error:
                if error.retry_after_seconds is not None:
                    raise  # Known before and too long to sleep: nothing was sent.
                # Waiting happens before the next send, by the block that was noted.
                error.retry_after_seconds = self._seconds_blocked()
                waited = self._clock() - began
                if not self._policy.retries:
                    raise
                if waited + error.retry_after_seconds > patience:
                    raise self._exhausted(
                        error.retry_after_seconds, request_id=error.request_id
                    ) from None
            except (TransportError, ServerError, ProtocolError) as error:
                unsent = isinstance(error, TransportError) and not error.executed
                hopeless = not (error.retryable or isinstance(error, ProtocolError))
                if hopeless or attempt >= self._policy.retries or not (repeatable or unsent):
                    raise
                pause = max(_backoff(attempt), error.retry_after_seconds or 0.0)
                if pause > max(self._policy.max_wait_seconds, MAX_BACKOFF_SECONDS):
                    raise
                if until is not None and self._clock() + pause >= until:
                    raise
                self._pause(pause)
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
        computes: bool = False,
        until: float | None = None,
    ) -> RawReply:
        """Send exactly one request, whatever comes of it.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            query: Query parameters.
            body: Bytes of the body.
            headers: Further headers.
            keep_any: Return also a redirect, and what arrived of an answer that broke off.
            computes: It changes nothing, though it is no GET.
            until: When the answer must be complete, by the clock; None for no such time.

        Raises:
            HeldBack: This deployment must not send it; see ``Egress``.
            TransportError: No complete answer arrived.
            ProtocolError: A redirect, or an answer beyond 32 MiB.
            RateLimited: A limit is known to be exhausted for longer than may be waited.
        """
        if self._closed:
            raise RuntimeError(
                "This client is closed. Use it inside `with client_for(store) as client:`."
            )
        if method != "GET" and not computes:
            self._before_write()
        sent = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if keep_any:
            sent["Accept-Encoding"] = "identity"  # of a packed answer a part would be of no use
        with self._in_turn(until):
            self.traffic.sends()
            sent_at = self._clock()
            # Nothing stands between an answer that can't be had again and its keeping.
            begins = observing.untold if keep_any else observing.request_begins
            answered = begins(method=method, host=self._host)
            try:
                arrived = self._sender.send(
                    method,
                    path,
                    query=query,
                    body=body,
                    headers=sent,
                    keep_any=keep_any,
                    seconds=None if until is None else max(until - sent_at, LEAST_SECONDS),
                )
            except BaseException:
                answered(observing.NO_ANSWER)
                raise
            if isinstance(arrived, BaseException):
                answered(observing.NO_ANSWER)
                raise arrived
            answered(arrived.status)
            if not keep_any:  # its limits are known to a cache, which may hang
                self._limits.note(arrived, sent_at=sent_at)
        if 300 <= arrived.status < 400 and not keep_any:
            raise ProtocolError(
                f"The remote redirects (HTTP {arrived.status}); requests go nowhere else.",
                request_id=arrived.request_id,
            )
        return arrived

    @contextmanager
    def _in_turn(self, until: float | None) -> Iterator[None]:
        """While a limit is exhausted, one thread waits and asks first; the others follow it.

        They would all wake in one instant, and where one request a second is allowed, all but one
        would be refused again and again.
        """
        if self._limits.admits(self._clock()):
            yield
            return
        with self._turn:
            waited = self._wait_for_limit(until)
            if waited:
                yield
                return
        yield

    def _seconds_blocked(self) -> float:
        return self._limits.seconds_blocked(self._clock())

    def _wait_for_limit(self, until: float | None) -> bool:
        """Sleep until a request may be sent, and count it; whether that was necessary."""
        last, waited = self._clock() + self._policy.max_wait_seconds, False
        last = last if until is None else min(last, until)
        while not self._limits.admits(self._clock()):
            seconds = self._seconds_blocked()
            if self._clock() + seconds > last:
                raise self._exhausted(seconds)
            scope = self._limits.blocking()
            self.traffic.waits(RateLimitWait(scope=scope, until=self._clock() + seconds))
            observing.waits(seconds, limit=scope.rpartition(" ")[2])
            # A little apart, so that not all waiting workers return in one instant.
            waited = True
            self._pause(seconds + random.uniform(0, 0.25), for_limit=True)  # noqa: S311
        return waited

    def _exhausted(self, seconds: float, *, request_id: str = "") -> RateLimited:
        until = datetime.fromtimestamp(self._clock() + seconds, tz=timezone.utc)
        return RateLimited(
            f"The rate limit of {self._limits.blocking()} is exhausted until {until:%H:%M:%S} UTC.",
            status=429,
            request_id=request_id,
            retry_after_seconds=seconds,
        )

    def _pause(self, seconds: float, *, for_limit: bool = False) -> None:
        if for_limit:
            self.traffic.sleeps(seconds)
        self._sleep(seconds)
        if self._given_up.is_set():
            raise TransportError("Nobody waits for the answer any more.", executed=False)


def _backoff(attempt: int) -> float:
    return random.uniform(0, min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**attempt))  # noqa: S311
