"""Loggers whose records say what they are about: store, resource, run and the remote's request id.

They are attributes of the record, for formatters that write JSON. A record has those that apply.
None of them is an id of an order or a person, or a text of anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from pandabase_django.exceptions import PandabaseError

__all__ = ["FACTS", "about", "facts", "get_logger"]

FACTS = ("store", "resource", "run", "request_id")

# Not a fact's own name: `logging` raises where the shop's record factory has set it already.
_OWN = "pandabase_facts"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("pandabase_about", default=_NOTHING)


@contextmanager
def about(*, store: str = "", resource: str = "", run: object = "") -> Iterator[None]:
    """What is logged inside is about these; "" leaves what is said outside."""
    given = {"store": store, "resource": resource, "run": str(run)}
    token = _about.set({**_about.get(), **{name: text for name, text in given.items() if text}})
    try:
        yield
    finally:
        _about.reset(token)


def facts(
    *, store: str = "", resource: str = "", run: object = "", request_id: str = ""
) -> dict[str, Mapping[str, str]]:
    """For ``extra=``: what one record is about."""
    given = {"store": store, "resource": resource, "run": str(run), "request_id": request_id}
    return {_OWN: given}


def get_logger(name: str) -> logging.Logger:
    """The logger of a module; its records get the facts."""
    logger = logging.getLogger(name)
    logger.addFilter(_add_facts)
    return logger


def _add_facts(record: logging.LogRecord) -> bool:
    """A filter of the loggers: those of handlers are the shop's own."""
    own: Mapping[str, str] = record.__dict__.pop(_OWN, _NOTHING)
    found = {**_about.get(), "request_id": _request_id(record)}
    found.update((name, text) for name, text in own.items() if text)
    for name, text in found.items():
        if text and not hasattr(record, name):  # what the shop's record factory said stays
            setattr(record, name, text)
    return True


def _request_id(record: logging.LogRecord) -> str:
    """Of an error of the remote that the record names."""
    named = record.args if isinstance(record.args, tuple) else ()
    for one in (*named, (record.exc_info or (None, None))[1]):
        if isinstance(one, PandabaseError):
            return str(getattr(one, "request_id", ""))
    return ""
