"""Reads every store again and again, each in a fork of one process, as a worker's pool does.

Forks name what they open at the database alike: a thread's identifier is the same in each. Prints
as JSON what was not as it should be.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import django

__all__ = ["main"]


def main(times: int) -> None:
    """Fork once for each store, and read everything so many times."""
    from django.db import connections

    from pandabase_django.models import Store

    stores = list(Store.objects.order_by("pk"))
    connections.close_all()  # each fork opens its own
    pipes = []
    for store in stores:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump([text for _ in range(times) for text in _read(store)], pipe)
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    wrong = []
    for reader in pipes:
        with os.fdopen(reader) as pipe:
            wrong += json.load(pipe)
    json.dump(wrong, sys.stdout)


def _read(store: Any) -> Iterator[str]:
    from django.db import DatabaseError

    from pandabase_django.exceptions import PandabaseError
    from pandabase_django.models import SyncRun
    from pandabase_django.services.sync.compare import audit
    from pandabase_django.services.sync.runs import sync_resource

    sync = partial(sync_resource, store, trigger=SyncRun.Trigger.SCHEDULE)
    for resource in ("products", "orders", "request_logs"):
        try:
            run = sync(resource=resource).run
            if run.state != "COMPLETED" or run.attention or run.rows_gone:
                yield f"{resource}: {run.state} {run.error} {run.attention} {run.rows_gone}"
            if resource != "request_logs":
                found = audit(store, resource=resource, full=True)
                if not found.equal:
                    yield f"audit of {resource}: {found}"
        except (DatabaseError, PandabaseError) as error:
            yield f"{resource}: {error!r}"


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
