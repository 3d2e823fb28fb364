"""Hands a button's work to the workers, and says what came of that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext

from pandabase_django import tasks

__all__ = ["hand_over"]


def hand_over(request: HttpRequest, task: Any, *args: Any, told: str, **kwargs: Any) -> None:
    """Enqueue a task once the request's transaction has committed.

    Args:
        request: Who asks; a message tells the outcome.
        task: The task.
        *args: Its arguments: primary keys.
        told: The message when it was enqueued.
        **kwargs: Its further arguments.
    """

    def enqueue() -> None:
        if tasks.enqueue(task, *args, **kwargs):
            messages.success(request, told)
        else:
            text = gettext("The broker does not answer: nothing was started. The log tells more.")
            messages.error(request, text)

    transaction.on_commit(enqueue)
