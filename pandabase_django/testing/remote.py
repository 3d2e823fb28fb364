"""Pandabase as a test sees it: what happens there, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pandabase_django.api.wire import network
from pandabase_django.sandbox import Sandbox
from pandabase_django.testing.in_process import stand_in_for

__all__ = ["FAULTS", "Remote"]

FAULTS = {"unreachable": "unreachable", "lost": "commit_then_reset", "broken": "reset"}
"""What can go wrong beside a status, and the sandbox's word for it."""


class Remote:
    """A Pandabase with an empty store, inside this process or at a port of this machine.

    Attributes:
        sandbox: What answers; docs/sandbox.md lists all that it can be told.
    """

    def __init__(self, *, seed: int = 1, served: bool = False, **settings: Any) -> None:
        """Begin to answer.

        Args:
            seed: The same seed gives the same ids.
            served: Listen at a port of this machine, for workers in other processes.
            settings: The sandbox's, such as ``products=20``.
        """
        size = {"products": 0, "orders": 0, "categories": 0}
        self.sandbox = Sandbox(seed=seed, listen=served, **{**size, **settings})
        self._served = served

    @contextmanager
    def answering(self) -> Iterator[None]:
        """All requests of this app come here, whatever their address. Closes it at the end."""
        with self.sandbox:
            if self._served:
                yield
                return
            with network.replaced_by(stand_in_for(self.sandbox.answer)):
                yield

    @property
    def requests(self) -> list[str]:
        """What was asked until now, such as ``GET /v2/core/stores/shp_…/orders``."""
        return [f"{one['method']} {one['path']}" for one in self.sandbox.requests()]

    def next(
        self,
        fault: int | str,
        *,
        times: int = 1,
        method: str = "",
        path: str = "",
        retry_after_seconds: float = 1.0,
    ) -> None:
        """The next request goes wrong; of several, one after the other.

        Args:
            fault: The status of its answer, such as 429; ``unreachable``: nobody listens;
                ``lost``: it is executed, and its answer never arrives; ``broken``: it is not
                executed, which nobody can tell from ``lost``.
            times: So many of the next requests; 0: all, until ``recover``.
            method: Only of this method, such as ``POST``.
            path: Only those whose path this regular expression finds.
            retry_after_seconds: What a 429 says.

        Raises:
            ValueError: There is no such fault.
        """
        match = {"method": method, "path_regex": path}
        match = {name: value for name, value in match.items() if value}
        args: dict[str, Any] = {}
        if isinstance(fault, int):
            action, args["status"] = "status", fault
            if fault == 429:
                args["retry_after_seconds"] = retry_after_seconds
        elif fault in FAULTS:
            action = FAULTS[fault]
        else:
            known = ", ".join(FAULTS)
            raise ValueError(f"{fault!r} is no fault: it is a status, or one of {known}.")
        rule = {"action": action, "args": args, "match": match, "times": times, "in_turn": True}
        self.sandbox.fault([rule])

    def recover(self) -> None:
        """Nothing goes wrong any more."""
        self.sandbox.clear_faults()
