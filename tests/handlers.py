"""No handler of another test is called, and none of this one by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pandabase_django.events import _fact_handlers, _handlers

__all__ = ["no_handlers"]


@contextmanager
def no_handlers() -> Iterator[None]:
    """Handlers that are registered inside are forgotten at the end."""
    facts = {fact: dict(handlers) for fact, handlers in _fact_handlers.items()}
    events = {name: dict(handlers) for name, handlers in _handlers.items()}
    _fact_handlers.clear()
    _handlers.clear()
    try:
        yield
    finally:
        _fact_handlers.clear()
        _handlers.clear()
        _fact_handlers.update(facts)
        _handlers.update(events)
