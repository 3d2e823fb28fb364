"""Hands tasks to the broker from a page, a command or another task, and survives its absence."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, current_app
from kombu.exceptions import OperationalError

__all__ = ["broker_problem", "enqueue"]

logger = logging.getLogger(__name__)

BROKER_TIMEOUT_SECONDS = 3


def enqueue(task: Task[Any, Any], *args: Any, after_seconds: float = 0, **kwargs: Any) -> bool:
    """Enqueue a task: one try, and False instead of an error when the broker fails.

    Args:
        task: What to run.
        args: Its arguments.
        after_seconds: A worker waits so long before it begins.
        kwargs: Its keyword arguments.
    """
    try:
        task.apply_async(args, kwargs, countdown=after_seconds, retry=False)
    except (OperationalError, OSError):
        logger.exception("%s could not be enqueued.", task.name)
        return False
    return True


def broker_problem() -> str:
    """Ask the broker once. Returns what is wrong in a few words, "" when it answers."""
    try:
        with current_app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
            # Its password is masked in as_uri; the error itself might carry it.
            address = broker.as_uri()
            try:
                broker.ensure_connection(
                    max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS
                )
            except (OperationalError, OSError) as error:
                return f"{address}: {type(error).__name__}"
    except (OperationalError, OSError, ImportError, KeyError, ValueError) as error:
        return type(error).__name__
    return ""
