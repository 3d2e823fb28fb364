"""A shop's own code for what was bought, and for webhook events.

Put it into a module ``pandabase_events`` of any installed app; it is imported at start, in web
servers and workers alike::

    from pandabase_django.events import on_paid, on_restored, on_reversed


    @on_restored("course")
    @on_paid("course")
    def enrol(purchase: Purchase) -> None:
        Seat.objects.get_or_create(user=purchase.user, course_id=purchase.context["course"])


    @on_reversed("course")
    def expel(purchase: Purchase) -> None:
        Seat.objects.filter(user=purchase.user, course_id=purchase.context["course"]).delete()

These are called for facts: once for each order and fact, from a webhook or a sync, whichever
learned of it first. The order has paid for a checkout that this shop opened with that purpose, and
for just what it asked. ``on_event`` is called for messages::

    @on_event("SUBSCRIPTION_PAST_DUE")
    def remind(event: Event) -> None: ...

It is called after the order was fetched: ``event.order`` is the order as it stands now, which may
be ahead of the event.

A handler runs in a Celery task, at least once. Its database work is done exactly once: it runs in a
transaction that also notes it as done. One that raises is called again, 8 times over some 20 hours;
those that are through are not. A purpose that none of a project's handlers is for is tried again
as well. Work outside the database (a mail, a call to another service) can
happen twice when a process is killed between it and the commit; give such services ``event.id``, or
``purchase.pk`` with the fact, as their idempotency key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar

from django.utils import timezone

from pandabase_django.api.webhooks.payload import EventSubscription
from pandabase_django.database import transaction
from pandabase_django.models import HandledEvent, Order, Purchase
from pandabase_django.models.base.mirror import text_map

__all__ = [
    "Event",
    "EventSubscription",
    "on_event",
    "on_paid",
    "on_restored",
    "on_reversed",
]

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Event:
    """What a store reported.

    Attributes:
        id: ``evt_…``; the same however often it is delivered.
        name: Such as ``PAYMENT_COMPLETED``.
        store_id: Whose.
        order_id: "" when it names no order.
        occurred_at: Aware; None when the remote gave no readable time.
        payload: The verified payload, without postal addresses, cards, licences and what is
            unknown. Its ``left_out`` names metadata that was too large to be kept.
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

    @property
    def metadata(self) -> dict[str, str]:
        """What the checkout was opened with; {} when there is none.

        It proves nothing: anybody can open a checkout with any metadata and pay it. Source: P-39.
        """
        return self._texts("metadata")

    @property
    def custom_fields(self) -> dict[str, str]:
        """What the customer typed into the checkout's own fields; {} when there is none."""
        return self._texts("customFields")

    @property
    def subscription(self) -> EventSubscription | None:
        """The subscription as it was at the event; None when the event is about none."""
        return EventSubscription.within(self.payload)

    def _texts(self, name: str) -> dict[str, str]:
        data = self.payload.get("data")
        data = data if isinstance(data, dict) else {}
        texts: dict[str, str] = {}
        for section in (data.get("subscription"), data, data.get("order")):  # the order's word wins
            if isinstance(section, dict):
                texts |= text_map(section.get(name))
        return texts

    @contextmanager
    def once(self, name: str) -> Iterator[bool]:
        """A transaction whose work is done once for this event, for receivers of the signal::

            with event.once("shop.thank") as first:
                if first:
                    Thanks.objects.create(order_id=event.order_id)

        A second caller waits for the first one's transaction. When that was rolled back, the
        second one is first. A database error that is caught inside rolls it back: catch it around
        a ``transaction.atomic()`` of its own.

        Args:
            name: Names the work, not the event; at most 200 characters.

        Raises:
            TransactionManagementError: A database error was caught inside; nothing was written.
        """
        if not name or len(name) > MAX_NAME_CHARACTERS:
            raise ValueError("The name of the work has 1 to 200 characters.")
        with transaction.atomic_for_shops():
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
    """Call the decorated function for these events::

        @on_event("SUBSCRIPTION_PAST_DUE", "SUBSCRIPTION_CANCELLED")
        def remind(event: Event) -> None: ...

    Its dotted name is what its work is noted under: a renamed handler counts as a new one.

    Args:
        names: Of the events; docs/webhooks.md lists those that Pandabase sends.

    Raises:
        TypeError: No event is named, the decorator was used without calling it, or calling what it
            decorates would run nothing: an ``async def``, or a generator.
        ValueError: Another handler of that dotted name is registered.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('Name the events: @on_event("PAYMENT_COMPLETED").')

    def register(handler: H) -> H:
        dotted = dotted_name(handler)
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


FactHandler = Callable[[Purchase], Any]
F = TypeVar("F", bound=FactHandler)

# By the fact: what is called, by its dotted name, for which purposes; without any, for all.
_fact_handlers: defaultdict[str, dict[str, tuple[FactHandler, frozenset[str]]]] = defaultdict(dict)


def on_paid(*purposes: str) -> Callable[[F], F]:
    """Call the decorated function once an order has paid for a checkout of this shop::

        @on_paid("course")
        def enrol(purchase: Purchase) -> None:
            Seat.objects.get_or_create(user=purchase.user, order_id=purchase.order_id)

    It gets the ``Purchase``: ``user`` (None for a guest, or when the user was deleted), ``order``,
    ``items``, ``context``, ``purpose`` and ``session``. An order that is refunded by then is not
    handed out.

    Args:
        purposes: What the checkout was opened for; none of them: for whatever.

    Raises:
        TypeError: The decorator was used without calling it.
        ValueError: Another handler of that dotted name is registered.
    """
    return _on(Purchase.Fact.PAID, purposes)


def on_reversed(*purposes: str) -> Callable[[F], F]:
    """Call the decorated function when an order that was handed out is refunded or charged back.

    Arguments and errors are those of ``on_paid``.
    """
    return _on(Purchase.Fact.REVERSED, purposes)


def on_restored(*purposes: str) -> Callable[[F], F]:
    """Call the decorated function when a reversed order is in force again: a dispute was won.

    It may be called for an order that ``on_paid`` was not called for, since the reversal came
    first: let it do all that ``on_paid`` does. Arguments and errors are those of ``on_paid``.
    """
    return _on(Purchase.Fact.RESTORED, purposes)


def fact_handlers(fact: str, purpose: str) -> dict[str, FactHandler]:
    """Handlers of a fact and purpose by their dotted names, in the order they were registered."""
    found = _fact_handlers.get(fact, {})
    return {
        dotted: handler
        for dotted, (handler, purposes) in found.items()
        if not purposes or purpose in purposes
    }


def is_for_nobody(purpose: str) -> bool:
    """Whether there are handlers of facts, but none of any fact is for this purpose."""
    found = [names for of_fact in _fact_handlers.values() for _, names in of_fact.values()]
    return bool(purpose and found) and all(names and purpose not in names for names in found)


def registered_purposes() -> set[str]:
    """Purposes that handlers name."""
    of_facts = _fact_handlers.values()
    return {name for found in of_facts for _, names in found.values() for name in names}


def _on(fact: str, purposes: tuple[str, ...]) -> Callable[[F], F]:
    if not all(isinstance(purpose, str) for purpose in purposes):
        raise TypeError('Call the decorator: @on_paid("course"), or @on_paid() for all purposes.')

    def register(handler: F) -> F:
        dotted = dotted_name(handler)
        known, others = _fact_handlers[fact].get(dotted, (handler, frozenset(purposes)))
        if known is not handler:
            raise ValueError(f"There is a handler {dotted} for {fact} already.")
        # Without any purpose it is for all, whatever else names it.
        both = others.union(purposes) if others and purposes else frozenset[str]()
        _fact_handlers[fact][dotted] = (handler, both)
        return handler

    return register


def dotted_name(handler: Callable[..., Any]) -> str:
    """What a handler's work is noted under."""
    runs_later = (isasyncgenfunction, iscoroutinefunction, isgeneratorfunction)
    if any(is_one(handler) for is_one in runs_later):
        raise TypeError(
            f"{handler.__qualname__} is an async function or a generator: called as a handler it "
            "would do nothing. Write an ordinary function; asgiref's async_to_sync makes one."
        )
    dotted = f"{handler.__module__}.{handler.__qualname__}"
    if len(dotted) > MAX_NAME_CHARACTERS:
        raise ValueError(f"The dotted name of {handler.__qualname__} is too long.")
    return dotted
