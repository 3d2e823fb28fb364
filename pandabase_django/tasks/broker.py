"""Hands tasks to the broker from a page, a command or another task, and survives its absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Task, current_app
from kombu.exceptions import OperationalError

from pandabase_django.observing.logs import get_logger

__all__ = [
    "Message",
    "broker_problem",
    "can_wait",
    "enqueue",
    "held_back",
    "is_eager",
    "waits_without_end",
]

logger = get_logger(__name__)

BROKER_TIMEOUT_SECONDS = 3
RABBITMQ = ("amqp://", "amqps://", "pyamqp://")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that did not go to the broker."""

    task: Task[Any, Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(repr=False)
    after_seconds: float = 0


class _Held:
    take: Callable[[Message], object] | None = None


@contextmanager
def held_back(take: Callable[[Message], object]) -> Iterator[None]:
    """Messages that this process enqueues inside are given to ``take``: a test is the worker."""
    before, _Held.take = _Held.take, take
    try:
        yield
    finally:
        _Held.take = before


def enqueue(
    task: Task[Any, Any],
    *args: Any,
    after_seconds: float = 0,
    expires_seconds: float | None = None,
    **kwargs: Any,
) -> bool:
    """Enqueue a task: one try, and False instead of an error when the broker fails.

    Args:
        task: What to run.
        args: Its arguments.
        after_seconds: A worker waits so long before it begins.
        expires_seconds: A worker that takes it later drops it; None keeps it for ever.
        kwargs: Its keyword arguments.
    """
    if _Held.take is not None:
        _Held.take(Message(task, args, kwargs, after_seconds))
        return True
    options: dict[str, Any] = {"countdown": after_seconds, "expires": expires_seconds}
    try:
        if task.app.conf.task_always_eager:
            task.apply_async(args, kwargs, **options)
        else:
            _send(task, args, kwargs, options)
    except ImportError as error:
        logger.error("%s could not be enqueued: %s", task.name, _missing(error))
        return False
    except (OperationalError, OSError):
        logger.exception("%s could not be enqueued.", task.name)
        return False
    return True


def _send(task: Task[Any, Any], args: Any, kwargs: Any, options: dict[str, Any]) -> None:
    with task.app.producer_or_acquire() as producer:
        # `retry=False` is of the sending alone: kombu would try to connect for six seconds, and
        # a page wait for them. One try for each address that the broker has.
        broker = producer.connection
        broker.ensure_connection(max_retries=len(broker.alt), interval_start=0)
        task.apply_async(args, kwargs, retry=False, producer=producer, **options)


def can_wait(task: Task[Any, Any]) -> bool:
    """Whether this task may put itself back, to go on later.

    Called as a function, or in eager mode, there is no queue: it would go on at once, inside the
    request or test that called it.
    """
    return not (task.request.called_directly or is_eager(task))


def is_eager(task: Task[Any, Any]) -> bool:
    """Whether Celery runs every task inside its caller. ``task.apply()`` alone is not that."""
    return bool(task.request.is_eager and task.app.conf.task_always_eager)


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
    except ImportError as error:
        return _missing(error)
    except (OperationalError, OSError, KeyError, ValueError) as error:
        return type(error).__name__
    return ""


def waits_without_end() -> bool:
    """Whether messages go to RabbitMQ, and its confirmation of each is waited for without end."""
    urls = current_app.conf.broker_write_url or ""
    first = (urls.split(";") if isinstance(urls, str) else urls)[0]
    options = current_app.conf.broker_transport_options or {}
    return bool(
        first.startswith(RABBITMQ)
        and options.get("confirm_publish")
        and not options.get("read_timeout")
    )


def _missing(error: ImportError) -> str:
    """The broker's client is an extra of Celery's, and has needs of its own."""
    name = error.name or "?"
    return f"the module {name} is missing (for Redis: pip install 'pandabase-django[redis]')"
