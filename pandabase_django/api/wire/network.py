"""The network, or what a test has put in its place. Outside of tests nothing here is ever set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from requests.adapters import BaseAdapter

__all__ = ["StandIn", "ask", "guarded_by", "replaced_by", "stand_in"]


@dataclass(frozen=True, slots=True)
class StandIn:
    """Answers instead of the network. A client takes it when it is made.

    Attributes:
        adapter: Answers each request, wherever it is addressed to.
        clock: Gives the Unix epoch seconds; those that were slept are among them.
        sleep: Lets so many seconds pass.
    """

    adapter: BaseAdapter
    clock: Callable[[], float]
    sleep: Callable[[float], object]


class _Set:
    stand_in: StandIn | None = None
    guard: Callable[[str], object] | None = None


def stand_in() -> StandIn | None:
    """What new clients use instead of the network; None outside of tests."""
    return _Set.stand_in


def ask(host: str) -> None:
    """Ask whether a connection may be made to a host; outside of tests each one may.

    Raises:
        BaseException: Whatever the guard raises.
    """
    if _Set.guard is not None:
        _Set.guard(host)


@contextmanager
def replaced_by(stand_in: StandIn) -> Iterator[None]:
    """Clients of this process that are made inside use it, in whatever thread."""
    before, _Set.stand_in = _Set.stand_in, stand_in
    try:
        yield
    finally:
        _Set.stand_in = before


@contextmanager
def guarded_by(guard: Callable[[str], object]) -> Iterator[None]:
    """The guard is called with the host of each connection that this process makes inside.

    Through a proxy it is called with both: the proxy's and the one behind it.
    """
    before, _Set.guard = _Set.guard, guard
    try:
        yield
    finally:
        _Set.guard = before
