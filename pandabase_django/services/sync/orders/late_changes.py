"""Finds settled orders that changed late by the lists of refunds and disputes.

No list has an "updated since" filter (Source: P-20), but refunds and disputes have lists of their
own, newest first, that name their order (P-23). Each is read down to what is known already, which
shows every order that changed, however old it is. The end is found by ids and not by times, so that
neither a wrong clock nor a date in the far future can end the reading early. A first sync notes
their newest page before it reads the orders, and reads the pages below it afterwards.

A list that refuses or is broken is asked again in each run, and what is known of it stays. When it
opens, it is read down to that, in as many pages and runs as it takes. A list that is first read
after the orders is read to its end, since nothing of it is known.

A token that may read neither may still read the payout ledger, which shows both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pandabase_django.exceptions import PandabaseError
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.money.currency import fill_from_orders
from pandabase_django.services.sync.money.lists import DISPUTES, REFUNDS, WATCHED_LEDGER
from pandabase_django.services.sync.readings.newest import Look, Newest
from pandabase_django.services.sync.readings.rolling import hurry
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import list_is_closed

__all__ = ["LateChanges"]

WATCHED: Sequence[tuple[Resource[Any], str]] = (
    (REFUNDS, "orders: new refunds"),
    (DISPUTES, "orders: new disputes"),
)
STAND_IN: tuple[Resource[Any], str] = (WATCHED_LEDGER, "orders: ledger")


class LateChanges:
    """The looks of one run at the lists that show late changes of orders.

    Args:
        context: The run.
        orders: What is found changed: the whole list of it is read again when a list is closed.
    """

    def __init__(self, context: RunContext, orders: Resource[Any]) -> None:
        self._context = context
        self._orders = orders
        self._watched = [(one, _look(context, one, name)) for one, name in WATCHED]
        self._ledger = (STAND_IN[0], _look(context, *STAND_IN))
        self._asked: list[tuple[Resource[Any], Look]] = []

    @property
    def cannot_watch(self) -> bool:
        """Whether refunds or disputes are closed to this token."""
        return any(look.is_closed for _, look in self._watched)

    def begin(self) -> None:
        """Note where the lists end now, before any order is read."""
        if all(look.is_begun for _, look in self._needed()):
            return
        with self._context.recorder.step("orders: begin to watch"):
            for _, look in self._needed():
                if not look.is_begun:
                    look.begin()
            self._context.save_checkpoints()

    def ask(self) -> None:
        """Send what every look begins with, for all lists at once."""
        self._asked = list(self._needed())
        for _, look in self._asked:
            look.ask()

    def read(self) -> None:
        """Mark the orders due that the lists show since the last run."""
        for resource, look in self._asked:
            if resource is WATCHED_LEDGER and not self.cannot_watch:
                continue  # both lists have just opened, and showed all
            with self._context.recorder.step(look.name) as entry:
                try:
                    look.read()
                except PandabaseError as error:
                    if not list_is_closed(error):
                        raise
                    entry["strategy"] = f"orders: closed {resource.name}"
                    self._note_refusal(resource, look, error)
        fill_from_orders(self._context)

    def _needed(self) -> Iterator[tuple[Resource[Any], Look]]:
        """Refunds and disputes, then the ledger if one of them is closed by then."""
        yield from self._watched
        if self.cannot_watch:
            yield self._ledger

    def _note_refusal(self, resource: Resource[Any], look: Look, error: PandabaseError) -> None:
        """What is known stays known, and nothing else becomes so."""
        known = look.known
        if not known.closed:
            hurry(self._context, self._orders)
        known.closed = True
        recorder = self._context.recorder
        # A list that refuses for good is complete without it; one that is broken was not read.
        say = recorder.leave_out if error.retryable else recorder.warn
        say([f"{resource.name.title()} can't be watched: {error}"])
        self._context.save_checkpoints()


def _look(context: RunContext, resource: Resource[Any], name: str) -> Look:
    newest = resource.reading(Newest)
    if newest is None:
        raise TypeError(f"{resource.name} are not read from the newest on.")
    return Look(context, resource, newest, name=name)
