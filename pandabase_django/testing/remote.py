"""Pandabase as a test sees it: what happens there, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from pandabase_django.api.wire import network
from pandabase_django.models import CheckoutSession, Order, Subscription
from pandabase_django.sandbox import ChangeRefused, Sandbox
from pandabase_django.sandbox.http.wire import Request, Response
from pandabase_django.testing import possible
from pandabase_django.testing.in_process import WireClock, stand_in_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["FAULTS", "Buyer", "Remote"]

_ANSWERING: list[Remote] = []  # the innermost last

FAULTS = {"unreachable": "unreachable", "lost": "commit_then_reset", "broken": "reset"}
"""What can go wrong beside a status, and the sandbox's word for it."""


class Buyer(TypedDict, total=False):
    """What a buyer gives; what is left out is the session's, or nobody's."""

    email: str
    name: str
    country: str
    """ISO 3166 code of two letters, for the tax."""
    state: str
    """Its code, where taxes differ by state."""
    typed: Mapping[str, str]
    """What is typed into fields, by their keys."""
    prices: Mapping[int, int]
    """Of one piece, where it is free to choose, in cents, by the place of the line from 0 on."""
    presentment: str
    """Code of the currency to pay in."""


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
        self.sandbox = Sandbox(seed=seed, listen=served, deliver=False, **{**size, **settings})
        self._served = served
        self._clock = WireClock()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """All requests of this app come here, whatever their address. Closes it at the end."""
        with self.sandbox:
            if self._served:
                yield
                return
            stand_in = stand_in_for(self._answer, clock=self._clock)
            _ANSWERING.append(self)
            try:
                with network.replaced_by(stand_in):
                    yield
            finally:
                _ANSWERING.remove(self)

    def _answer(self, request: Request) -> Response:
        """Answer, or let the one answer whose store is asked for: each has one store."""
        others = (other for other in _ANSWERING if other.sandbox.store_id in request.segments)
        return next(others, self).sandbox.answer(request)

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

    def change(self, op: str, **options: Any) -> list[str]:
        """Something happens there. Returns the ids that it touched.

        docs/sandbox.md lists what can happen: each ``op`` with its ``options``.

        Nothing of it is known here before a delivery or a sync says so.

        Raises:
            ChangeRefused: There is no such change, or nothing of that id.
        """
        return self.sandbox.change([{"op": op, **options}])

    def pass_time(self, span: timedelta) -> None:
        """So much time passes there, and for limits that were met on the way."""
        self.sandbox.pass_time(seconds=span.total_seconds())
        self._clock.pass_time(span.total_seconds())

    def pay(self, session: CheckoutSession, *, how: str = "card", **buyer: Unpack[Buyer]) -> str:
        """A buyer pays a session; returns the order's id.

        Args:
            session: An open one, or one whose payment is being processed.
            how: ``card``; ``async``: it is processed until it is paid by ``card``; ``decline``.
            buyer: What the buyer gives, see ``Buyer``.

        Raises:
            ChangeRefused: It is paid, or has expired.
            TypeError: A buyer gives no such thing.
        """
        known = Buyer.__annotations__
        if unknown := ", ".join(sorted(buyer.keys() - known.keys())):
            raise TypeError(f"A buyer gives no {unknown}; known are {', '.join(known)}.")
        pk = session.session_id or ""
        refusal = possible.payment_refusal(self.sandbox.state, pk, how=how)
        return self._do("pay_checkout", pk, refusal, **{"as": how}, **buyer)

    def refund(self, order: Order) -> str:
        """An order's money goes back; returns the refund's id.

        Raises:
            ChangeRefused: It is not COMPLETED.
        """
        state, days = self.sandbox.state, self.sandbox.settings.refund_days
        refusal = possible.refund_refusal_of(state, order.pk, days=days)
        return self._do("refund_order", order.pk, refusal)

    def dispute(self, order: Order) -> str:
        """A buyer's bank takes an order's money back; returns the dispute's id.

        Raises:
            ChangeRefused: It is not COMPLETED.
        """
        refusal = possible.dispute_refusal(self.sandbox.state, order.pk)
        return self._do("dispute_order", order.pk, refusal)

    def resolve(self, order: Order, *, outcome: str) -> None:
        """An order's dispute ends; the outcome is ``WON``, ``LOST`` or ``PREVENTED``.

        Raises:
            ChangeRefused: It has none that is open.
        """
        refusal = possible.outcome_refusal(self.sandbox.state, order.pk, outcome=outcome)
        self._do("resolve_dispute", order.pk, refusal, outcome=outcome)

    def renew(self, subscription: Subscription) -> str:
        """The next period is paid; returns the id of its order.

        Raises:
            ChangeRefused: It is paused or cancelled.
        """
        refusal = possible.charge_refusal(self.sandbox.state, subscription.pk)
        return self._do("renew_subscription", subscription.pk, refusal)

    def miss_charge(self, subscription: Subscription) -> None:
        """The next period's charge fails; after four more tries it is cancelled.

        Raises:
            ChangeRefused: It is paused or cancelled.
        """
        refusal = possible.charge_refusal(self.sandbox.state, subscription.pk)
        self._do("miss_charge", subscription.pk, refusal)

    def cancel(self, subscription: Subscription, *, immediate: bool = False) -> None:
        """A subscription is cancelled: at its period's end, or at once (``immediate``).

        Raises:
            ChangeRefused: It is cancelled already.
        """
        state, pk = self.sandbox.state, subscription.pk
        refusal = possible.cancellation_refusal(state, pk, immediate=immediate)
        self._do("cancel_subscription", pk, refusal, immediate=immediate)

    def _do(self, op: str, pk: str, refusal: str, **options: Any) -> str:
        """A change that Pandabase makes as well; returns the last id that it touched."""
        if refusal:
            way = f"remote.change({op!r}, id={pk!r})"
            raise ChangeRefused(f"{refusal} at Pandabase; {way} asks nothing.")
        return self.change(op, id=pk, **options)[-1]
