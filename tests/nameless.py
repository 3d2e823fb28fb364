"""Records of one store's work that do not say which store (docs/reference/logs.md)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["nameless_records"]

WORK = re.compile(
    r"pandabase_django\.(signals|services\.(actions|attempts|purchases|rotation|sync|usage|webhooks))\b"
)
# A folder, a file that is no rotation's, an address that is no endpoint's.
OF_NO_STORE = ("The spool ", "A spooled answer ", "Webhook delivery to ")


class _Nameless(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        says_it = hasattr(record, "store") or str(record.msg).startswith(OF_NO_STORE)
        if WORK.match(record.name) and not says_it:
            self.found.append(f"{record.name}: {record.getMessage()}")


@contextmanager
def nameless_records() -> Iterator[list[str]]:
    """What is logged meanwhile, in any thread of this process, of a store that it does not name."""
    handler, logger = _Nameless(), logging.getLogger("pandabase_django")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)
