"""Hands a button's work to the workers, and says what came of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext

from pandabase_django import tasks
from pandabase_django.database import transaction
from pandabase_django.models import Store, SyncRun
from pandabase_django.services.sync.runs import MIRRORED

__all__ = ["hand_over", "hand_over_again", "hand_over_sync", "start_sync"]


def hand_over(request: HttpRequest, task: Any, *args: Any, message: str, **kwargs: Any) -> None:
    """Enqueue a task once the request's transaction has committed.

    A worker that takes it after an hour drops it: who still waits has asked again.

    Args:
        request: Who asks; a message shows the outcome.
        task: The task.
        *args: Its arguments: primary keys.
        message: The message when it was enqueued.
        **kwargs: Its further arguments.
    """
    kwargs["expires_seconds"] = tasks.ASKED_EXPIRES_SECONDS
    _on_commit(
        request,
        lambda: tasks.Sent.SENT if tasks.enqueue(task, *args, **kwargs) else tasks.Sent.REFUSED,
        message=message,
    )


def hand_over_again(
    request: HttpRequest,
    ids: list[int],
    enqueue: Callable[[list[int]], int],
    *,
    message: Callable[[int], str],
) -> None:
    """Enqueue the work on rows that were put back, once the request's transaction has committed.

    Args:
        request: Who asks; a message shows the outcome.
        ids: The rows.
        enqueue: Enqueues their work; returns how many the broker took.
        message: What was done to so many rows.
    """

    def send_and_report() -> None:
        text = message(len(ids))
        if enqueue(ids) == len(ids):
            messages.success(request, text)
        else:
            text += " " + gettext("The broker does not answer. They are handed on once it does.")
            messages.warning(request, text)

    transaction.on_commit(send_and_report)


def hand_over_sync(
    request: HttpRequest,
    store_id: str,
    resources: Iterable[str],
    *,
    message: str,
    full: bool = False,
) -> None:
    """Enqueue a sync once the request's transaction has committed, unless one waits already.

    Args:
        request: Who asks; a message shows the outcome.
        store_id: The store.
        resources: What to sync.
        message: The message when it was enqueued.
        full: Whether a full pass is asked for.
    """
    _on_commit(
        request,
        lambda: tasks.enqueue_sync(
            [store_id],
            resources,
            trigger=SyncRun.Trigger.ADMIN.value,
            user_id=request.user.pk,
            full=full,
        ),
        message=message,
    )


def start_sync(request: HttpRequest, store: Store) -> None:
    """Hand over the sync of all that is mirrored of a store."""
    message = gettext("A sync of %(store)s was handed to the workers.") % {"store": store}
    hand_over_sync(request, store.pk, MIRRORED, message=message)


def _on_commit(request: HttpRequest, send: Callable[[], tasks.Sent], *, message: str) -> None:
    def send_and_report() -> None:
        sent = send()
        if sent is tasks.Sent.SENT:
            messages.success(request, message)
        elif sent is tasks.Sent.WAITS_ALREADY:
            text = gettext("A sync is waiting already. It begins when a worker is free.")
            messages.warning(request, text)
        else:
            text = gettext("The broker does not answer: nothing was started. The log says more.")
            messages.error(request, text)

    transaction.on_commit(send_and_report)
