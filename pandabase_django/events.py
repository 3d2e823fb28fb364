"""A shop's own code for webhook events.

Put it into a module ``pandabase_events`` of any installed app; it is imported at start, in web
servers and workers alike::

    from pandabase_django.events import Event, on_event


    @on_event("PAYMENT_COMPLETED")
    def hand_out_key(event: Event) -> None:
        Key.objects.filter(order_id=None).first().assign(event.order_id)

A handler runs in a Celery task, after the order was fetched: ``event.order`` is the order as it
stands now, which may be ahead of the event. It is called at least once. Its database work is done
exactly once: it runs in a transaction that also notes the event as handled. One that raises is
called again, 8 times over some 20 hours; those that are through are not. Work outside the database
(a mail, a call to another service) can happen twice when a process is killed between it and the
commit; give such services ``event.id`` as their idempotency key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from pandabase_django.models import HandledEvent, Order

__all__ = ["Event", "Handler", "handlers_of", "on_event", "registered_events"]

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """What a store told.

    Attributes:
        id: ``evt_…``; the same however often it is delivered.
        name: Such as ``PAYMENT_COMPLETED``.
        store_id: Whose.
        order_id: "" when it names no order.
        occurred_at: Aware; None when the remote gave no readable time.
        payload: The verified payload, without addresses, cards, licences and what is unknown.
    """

    id: str
    name: str
    store_id: str
    order_id: str
    occurred_at: datetime | None
    payload: dict[str, Any] = field(repr=False)

    @property
    def order(self) -> Order | None:
        """The local order, as it was fetched after the event; None when there is none."""
        return Order.objects.filter(pk=self.order_id, store_id=self.store_id).first()

    @contextmanager
    def once(self, name: str) -> Iterator[bool]:
        """A transaction whose work is done once for this event, for receivers of the signal::

            with event.once("shop.thank") as first:
                if first:
                    Thanks.objects.create(order_id=event.order_id)

        A second caller waits for the first one's transaction. When that was rolled back, the
        second one is first.

        Args:
            name: Names the work, not the event; at most 200 characters.
        """
        if not name or len(name) > MAX_NAME_CHARACTERS:
            raise ValueError("The name of the work has 1 to 200 characters.")
        with transaction.atomic():
            _, created = HandledEvent.objects.get_or_create(
                store_id=self.store_id,
                event_id=self.id,
                handler=name,
                defaults={"handled_at": timezone.now()},
            )
            yield created


Handler = Callable[[Event], Any]
H = TypeVar("H", bound=Handler)

_handlers: defaultdict[str, dict[str, Handler]] = defaultdict(dict)


def on_event(*names: str) -> Callable[[H], H]:
    """Call the decorated function for these events; see the module's text.

    Its dotted name is what its work is noted under: a renamed handler counts as a new one.

    Raises:
        TypeError: No event is named, or the decorator was used without calling it.
        ValueError: Another handler of that dotted name is registered.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('Name the events: @on_event("PAYMENT_COMPLETED").')

    def register(handler: H) -> H:
        dotted = f"{handler.__module__}.{handler.__qualname__}"
        if len(dotted) > MAX_NAME_CHARACTERS:
            raise ValueError(f"The dotted name of {handler.__qualname__} is too long.")
        for name in names:
            known = _handlers[name].setdefault(dotted, handler)
            if known is not handler:
                raise ValueError(f"There is a handler {dotted} for {name} already.")
        return handler

    return register


def handlers_of(name: str) -> dict[str, Handler]:
    """Handlers of an event by their dotted names, in the order they were registered."""
    return dict(_handlers.get(name, {}))


def registered_events() -> dict[str, list[str]]:
    """Names of events that somebody waits for, and the dotted names of their handlers."""
    return {name: list(handlers) for name, handlers in _handlers.items() if handlers}
