"""Sends webhooks as the vendor says it does: signed, retried, at least once, in no sure order.

Source: P-30 to P-34. Nothing is sent to another machine unless a setting allows it, so that a
store copied from real life can't call a real shop.
"""

from __future__ import annotations

import heapq
import http.client
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.shapes import Json, dump_json
from pandabase_django.sandbox.store.state import Event, StoreState
from pandabase_django.sandbox.webhooks.delivery import Delivery
from pandabase_django.sandbox.webhooks.events import event_payload
from pandabase_django.sandbox.webhooks.posting import is_loopback, post
from pandabase_django.sandbox.webhooks.signatures import signed_headers, signing_secret

__all__ = ["MOST_SENDERS", "RETRY_DELAYS_SECONDS", "Deliveries", "Post"]

RETRY_DELAYS_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits after each failed attempt: ten attempts over some 75 hours. Source: P-34."""

MOST_SENDERS = 8
_KEPT_DELIVERIES = 5_000

Post = Callable[[str, bytes, dict[str, str]], int]
"""Sends a body with headers to a URL; returns the status of the answer."""


class Deliveries:
    """The queue and its senders; they start with the first delivery."""

    KEPT: ClassVar[tuple[str, ...]] = ("_kept", "_made", "_ahead_seconds")

    def __init__(
        self,
        state: StoreState,
        settings: Settings,
        *,
        threads: int = MOST_SENDERS,
        note: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to listen.

        Args:
            state: The store.
            settings: The sandbox's.
            threads: Senders; with none, :meth:`send_due` sends.
            note: Called after each attempt.
        """
        self._state = state
        self._settings = settings
        self._condition = threading.Condition()
        self._queue: list[tuple[float, int, Delivery]] = []
        self._kept: deque[Delivery] = deque(maxlen=_KEPT_DELIVERIES)
        self._made = 0
        self._note = note
        self._draw = random.Random(state.size.seed)
        self._threads = threads
        self._senders: list[threading.Thread] = []
        self._ahead_seconds = 0.0
        self._in_flight = 0
        self._closed = False
        state.listeners.append(self._tell)

    def log(self, *, since: int = 0) -> list[Json]:
        """Deliveries after a number, oldest first: attempts and answers, no body, no signature."""
        with self._condition:
            return [self._described(delivery) for delivery in self._kept if delivery.number > since]

    def repeat(self, event_id: str) -> int:
        """Send an event once more to every endpoint that had it; returns how many that are.

        Raises:
            LookupError: Nothing of that event is kept.
        """
        with self._condition:
            former = {d.webhook_index: d for d in self._kept if d.event.id == event_id}
            for delivery in former.values():
                self._push(delivery.event, delivery.webhook_index, delivery.body)
        if not former:
            raise LookupError(f"no delivery of {event_id!r} is kept")
        return len(former)

    def hurry(self) -> int:
        """Make every waiting delivery due now; returns how many waited."""
        with self._condition:
            waiting = [delivery for _, _, delivery in self._queue]
            self._queue.clear()
            for delivery in waiting:
                self._put(delivery, seconds=0)
            return len(waiting)

    def send_due(self, post: Post) -> int:
        """Send in this thread what is due, in order; returns how many. Errors of ``post`` pass."""
        sent = 0
        while (delivery := self._pop_due()) is not None:
            self._record(delivery, *self._attempt(delivery, post))
            sent += 1
        return sent

    def pass_time(self, *, seconds: float) -> None:
        """Let time pass, at once, for what waits and for what is signed."""
        with self._condition:
            self._ahead_seconds += seconds

    def settled(self, *, timeout_seconds: float) -> bool:
        """Wait until nothing waits or is being sent; False when it took too long."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._queue and not self._in_flight, timeout_seconds
            )

    def resume(self) -> None:
        """Queue up what waited when it was kept; what was being sent then is sent again."""
        with self._condition:
            for delivery in self._kept:
                if delivery.state == "WAITING":
                    self._queue_up(delivery)

    def close(self) -> None:
        """Send nothing more."""
        with self._condition:
            self._closed = True
            self._queue.clear()
            self._condition.notify_all()

    def _tell(self, event: Event) -> None:
        """A listener of the state: called with its lock held."""
        wanted = [
            index
            for index, item in self._state.webhooks.every()
            if not item.deleted
            and item.payload["isEnabled"]
            and event.type in item.payload["eventTypes"]
        ]
        if not wanted:
            return
        payload = event_payload(self._state, event, empty=self._settings.webhook_data == "empty")
        body = dump_json(payload).encode()
        with self._condition:
            for index in wanted:
                for _ in range(1 + self._settings.webhook_duplicates):
                    self._push(event, index, body)

    def _push(self, event: Event, index: int, body: bytes) -> None:
        self._made += 1
        delivery = Delivery(
            number=self._made,
            event=event,
            webhook_index=index,
            webhook_id=self._state.ids.make("webhook", index),
            body=body,
        )
        self._kept.append(delivery)
        jitter_ms = self._draw.random() * self._settings.webhook_jitter_ms
        self._put(delivery, seconds=(self._settings.webhook_delay_ms + jitter_ms) / 1000)

    def _put(self, delivery: Delivery, *, seconds: float) -> None:
        if self._closed:
            return
        delivery.due_at = self._now() + seconds
        self._queue_up(delivery)

    def _queue_up(self, delivery: Delivery) -> None:
        heapq.heappush(self._queue, (delivery.due_at, delivery.number, delivery))
        if not self._senders:
            for number in range(self._threads):
                name = f"sandbox-sender-{number}"
                self._senders.append(threading.Thread(target=self._work, name=name, daemon=True))
                self._senders[-1].start()
        self._condition.notify()

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            self._record(delivery, *self._attempt(delivery))

    def _record(self, delivery: Delivery, state: str, attempt: Json | None) -> None:
        with self._condition:
            self._in_flight -= 1
            if attempt is not None:
                delivery.attempts.append(attempt)
            delivery.state = state
            if state == "WAITING":
                wait = RETRY_DELAYS_SECONDS[len(delivery.attempts) - 1]
                self._put(delivery, seconds=wait / self._settings.webhook_time_factor)
            self._condition.notify_all()
        self._note()

    def _next(self) -> Delivery | None:
        """Wait for the next delivery that is due; None at the end."""
        with self._condition:
            while not self._closed:
                delivery = self._pop_due()
                if delivery is not None:
                    return delivery
                self._condition.wait(self._queue[0][0] - self._now() if self._queue else None)
        return None

    def _pop_due(self) -> Delivery | None:
        with self._condition:
            if not self._queue or self._queue[0][0] > self._now():
                return None
            self._in_flight += 1
            return heapq.heappop(self._queue)[2]

    def _now(self) -> float:
        # Not the monotonic clock: what waits may wait for a process that is started later.
        return time.time() + self._ahead_seconds

    def _attempt(self, delivery: Delivery, given: Post | None = None) -> tuple[str, Json | None]:
        with self._state.lock:
            item = self._state.webhooks.touch(delivery.webhook_index)
            url, version = str(item.payload["url"]), str(item.payload["signatureVersion"])
            gone = item.deleted or not item.payload["isEnabled"]
            secret = signing_secret(self._state.size.seed, delivery.webhook_index)
        is_allowed = given or self._settings.webhook_public or is_loopback(url)
        if gone or not is_allowed:
            return "DROPPED", None
        now_ms = int((time.time() + self._ahead_seconds) * 1000)
        body, headers = self._signed(delivery, secret=secret, version=version, now_ms=now_ms)
        headers = {"Content-Type": "application/json", "User-Agent": "Sandbox", **headers}
        started = time.monotonic()
        status, error = (
            (given(url, body, headers), None) if given else self._posted(url, body, headers)
        )
        attempt = {
            "at_ms": now_ms,
            "timestamp": headers["Webhook-Timestamp"],
            "status": status,
            "error": error,
            "duration_ms": round((time.monotonic() - started) * 1000, 3),
        }
        if status is not None and 200 <= status < 300:
            return "DELIVERED", attempt
        last = len(delivery.attempts) >= len(RETRY_DELAYS_SECONDS)
        return ("GIVEN_UP" if last else "WAITING"), attempt

    def _posted(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int | None, str | None]:
        """The status of the answer, or the name of what went wrong."""
        seconds = self._settings.webhook_timeout_seconds
        try:
            return post(url, body=body, headers=headers, timeout_seconds=seconds), None
        except (OSError, http.client.HTTPException, ValueError) as failure:
            return None, type(failure).__name__
        except RuntimeError as failure:  # a test that blocks sockets raises these
            return None, type(failure).__name__

    def _signed(
        self, delivery: Delivery, *, secret: str, version: str, now_ms: int
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of an attempt, signed for it alone, with the fault that was set."""
        spoil = self._settings.webhook_spoil
        headers = signed_headers(
            f"{secret}x" if spoil == "secret" else secret,
            version=version,
            reading="text" if spoil == "secret" else self._settings.webhook_key,
            event_id=delivery.event.id,
            job=f"{delivery.webhook_id}/{delivery.number}",
            at_ms=now_ms + int(self._settings.webhook_skew_seconds * 1000),
            body=delivery.body,
        )
        if spoil == "signature":
            del headers["Webhook-Signature"]
        return delivery.body + (b" " if spoil == "body" else b""), headers

    def _described(self, delivery: Delivery) -> Json:
        waits = delivery.state == "WAITING"
        return {
            "number": delivery.number,
            "event_id": delivery.event.id,
            "event": delivery.event.type,
            "order_id": self._state.ids.make("order", delivery.event.order_index),
            "webhook_id": delivery.webhook_id,
            "state": delivery.state,
            "attempts": list(delivery.attempts),
            "due_in_seconds": round(delivery.due_at - self._now(), 3) if waits else None,
        }
