"""Work of another process at a certain statement: in a thread, so with a connection of its own.

On PostgreSQL alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

__all__ = ["beside"]

Work = Callable[[], object]

PATIENCE_SECONDS = 60.0
# One that waits for what this transaction holds is let wait.
WAITS_FOR_US = """SELECT EXISTS (
    SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
)"""


@contextmanager
def beside(begins: Callable[[str], bool], *works: Work, after: bool = False) -> Iterator[None]:
    """Let each of these be done at one of the statements, in turn; each once.

    Args:
        begins: Whether a statement of this connection is such a one.
        works: Each is waited for, unless it waits itself for what is locked here.
        after: Begin when the statement was sent, and not before.
    """
    left = list(works)
    threads: list[threading.Thread] = []
    wrong: list[BaseException] = []

    def run(work: Work) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised below
            wrong.append(error)
        finally:
            connection.close()

    def waits_for_us() -> bool:
        # Past Django, which would call the wrapper again.
        with connection.connection.cursor() as cursor:
            cursor.execute(WAITS_FOR_US)
            return bool(cursor.fetchone()[0])

    def start() -> None:
        thread = threading.Thread(target=run, args=(left.pop(0),))
        threads.append(thread)
        thread.start()
        until = time.monotonic() + PATIENCE_SECONDS
        while thread.is_alive() and not waits_for_us() and time.monotonic() < until:
            thread.join(0.05)

    def watch(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        here = bool(left) and begins(sql)
        if here and not after:
            start()
        result = execute(sql, *arguments)
        if here and after:
            start()
        return result

    try:
        with connection.execute_wrapper(watch):
            yield
    finally:
        for thread in threads:
            thread.join()
    if wrong:
        raise wrong[0]
    assert not left, "no such statement was sent"
