"""What a request does beyond its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import before_task_publish
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pandabase_django.sandbox import Sandbox

__all__ = ["Outside"]

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "ALTER", "DROP", "CREATE")


class Outside:
    """Statements that write, calls to the remote, messages to the broker."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @contextmanager
    def watch(self) -> Iterator[list[str]]:
        """Gives a list that is filled at the end of the block; sessions don't count."""
        seen: list[str] = []

        def published(sender: Any = None, body: Any = None, **_: Any) -> None:
            seen.append(f"message {sender} {body}")

        before = self.sandbox.requests_served
        before_task_publish.connect(published, weak=False)
        try:
            with CaptureQueriesContext(connection) as captured:
                yield seen
        finally:
            before_task_publish.disconnect(published)
        seen += [
            query["sql"][:200]
            for query in captured
            if query["sql"].lstrip("( ").upper().startswith(WRITES)
            and "django_session" not in query["sql"]
        ]
        if self.sandbox.requests_served != before:
            seen.append("a call to the remote")
