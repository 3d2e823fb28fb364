"""Opens what a run needs of the remote: a client, and the threads that read for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from pandabase_django import signals
from pandabase_django.api.client import Client
from pandabase_django.conf import conf
from pandabase_django.exceptions import LeaseLost
from pandabase_django.models import SyncCursor
from pandabase_django.services.erasures.scrubber import may_write
from pandabase_django.services.sync.run.context import Guard, RunContext
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.sync.run.recorder import Recorder
from pandabase_django.services.tokens.clients import client_for, open_client, token_of

__all__ = ["opened"]


@dataclass(frozen=True, slots=True)
class _AfterErasures:
    """A guard that also ends a run whose client does not know of a new erasure."""

    lease: Guard
    store_id: str
    client: Client

    def guard(self) -> None:
        self.lease.guard()
        if not may_write(self.store_id, self.client.scrub):
            raise LeaseLost("A person was erased meanwhile; the next run goes on.")


@contextmanager
def opened(
    recorder: Recorder,
    cursor: SyncCursor,
    *,
    lease: Guard | None = None,
    concurrency: int | None = None,
    call_for_help: Callable[[int, int], None] | None = None,
) -> Iterator[RunContext]:
    """The context of one run, while its connections are open.

    Args:
        recorder: Of the run. What only compares uses a client that notes nothing of the token.
        cursor: Where the resource is.
        lease: Renewed by the clock, and first in each transaction; None when nothing is written.
        concurrency: Requests in flight at a time; None takes the setting.
        call_for_help: See ``RunContext``.

    Raises:
        ConfigurationError: The store has no active token.
    """
    run = recorder.run

    def keep_alive() -> None:
        if recorder.tick():
            if lease is not None:
                lease.guard()
            recorder.save()

    with ExitStack() as stack:
        if run.dry_run:
            client = stack.enter_context(open_client(token_of(run.store)))
        elif concurrency:
            client = stack.enter_context(client_for(run.store, pool_size=concurrency))
        else:
            client = stack.enter_context(client_for(run.store))
        if lease is not None:
            lease = _AfterErasures(lease, run.store_id, client)
        recorder.watch(client.traffic)
        reader: Reader[Any] = stack.enter_context(
            Reader(
                concurrency=concurrency or conf.concurrency,
                while_waiting=keep_alive,
                renew=client.renew,
                give_up=client.give_up,
            )
        )
        stack.enter_context(signals.calling_between(reader.keep_alive))
        yield RunContext(
            client=client,
            reader=reader,
            cursor=cursor,
            lease=lease,
            recorder=recorder,
            call_for_help=call_for_help,
        )
