"""Sends requests at set moments, whether or not earlier ones were answered.

Latency counts from the moment a request was due, so that a server that stalls is not flattered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ANSWER_SECONDS = 30
MOST_CONNECTIONS = 200


@dataclass(frozen=True)
class Shot:
    """One request: when it is due (seconds from the start) and what makes its bytes."""

    at_seconds: float
    make: Callable[[], bytes]
    kind: str = ""


@dataclass(frozen=True)
class Outcome:
    """How it was answered; status 0 is: not at all."""

    status: int
    seconds: float
    kind: str


def send(port: int, shots: Sequence[Shot]) -> list[Outcome]:
    """Send them all, a connection each; returns when the last one is answered or given up."""
    return asyncio.run(_send(port, shots))


def percentile(outcomes: Sequence[Outcome], share: float) -> float:
    """Seconds that so large a share of the answers did not exceed."""
    ordered = sorted(outcome.seconds for outcome in outcomes)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _send(port: int, shots: Sequence[Shot]) -> list[Outcome]:
    gate = asyncio.Semaphore(MOST_CONNECTIONS)
    started = time.perf_counter()

    async def one(shot: Shot) -> Outcome:
        due = started + shot.at_seconds
        await asyncio.sleep(max(0, due - time.perf_counter()))
        async with gate:
            try:
                status = await asyncio.wait_for(_exchange(port, shot.make()), ANSWER_SECONDS)
            except (OSError, TimeoutError, asyncio.TimeoutError, ValueError, IndexError):
                status = 0
        return Outcome(status, time.perf_counter() - due, shot.kind)

    return await asyncio.gather(*(one(shot) for shot in shots))


async def _exchange(port: int, raw: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        # A server may answer, and hang up, before it has read everything.
        drained = asyncio.ensure_future(writer.drain())
        line = await reader.readline()
        drained.cancel()
        return int(line.split()[1])
    finally:
        writer.transport.abort()
