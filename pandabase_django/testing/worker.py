"""A worker inside the test: it does what waits, when the test says so, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from django.db import connections
from django.test import TestCase
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import Purchase, RemoteAction, WebhookDelivery
from pandabase_django.tasks.broker import Message, held_back

__all__ = ["Worker", "committed"]

# Found by their rows: what a TestCase asks for is never committed, and its messages never sent.
ROWS = (
    (WebhookDelivery, tasks.process_webhook),
    (Purchase, tasks.process_purchase),
    (RemoteAction, tasks.perform_action),
)
SWEEPS = (tasks.sweep_checkouts, tasks.send_usage)
MOST_ROUNDS = 50


class Worker:
    """Takes the messages of this app, whatever Celery's settings say."""

    def __init__(self) -> None:
        self._waiting: list[tuple[datetime, Message]] = []

    @contextmanager
    def employed(self) -> Iterator[None]:
        """No message goes to the broker inside."""
        with held_back(self._take):
            yield

    def work(self, *, sweep: bool) -> None:
        """Do all that is due, with what comes of it.

        Args:
            sweep: Look also for what no message says, such as attempts that are due by now.

        Raises:
            RuntimeError: It brings forth ever more work.
        """
        for _ in range(MOST_ROUNDS):
            due = self._due() or (self._found() if sweep else [])
            if not due:
                return
            with committed():  # which may bring forth the messages of the next round
                for message in due:
                    # Errors are kept and logged as a worker does it.
                    message.task.apply(message.args, message.kwargs)
        raise RuntimeError("A worker has ever more to do; its log says what.")

    def _found(self) -> list[Message]:
        """What beat's sweepers would find."""
        for sweep in SWEEPS:
            sweep.apply(throw=True)
        now = timezone.now()
        return self._due() + [
            Message(task, (pk,), {})
            for model, task in ROWS
            for pk in model.objects.filter(next_attempt_at__lte=now).values_list("pk", flat=True)
        ]

    def _take(self, message: Message) -> None:
        due_at = timezone.now() + timedelta(seconds=message.after_seconds)
        self._waiting.append((due_at, message))

    def _due(self) -> list[Message]:
        now = timezone.now()
        due = [message for due_at, message in self._waiting if due_at <= now]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > now]
        return due


@contextmanager
def committed() -> Iterator[None]:
    """What is to be done on commit is done at the end, inside a ``TestCase`` as well.

    There, everything happens in one transaction, which never commits. Nothing of it is left to
    whoever waits for the commit outside; what was registered before is left to them.
    """
    with ExitStack() as stack:
        for alias in connections:
            stack.callback(_forget, alias, since=len(connections[alias].run_on_commit))
            stack.enter_context(TestCase.captureOnCommitCallbacks(using=alias, execute=True))
        yield


def _forget(alias: str, *, since: int) -> None:
    """Django's capture leaves what it has run, and one around it would run that again."""
    del connections[alias].run_on_commit[since:]
