"""What all errors have in common, and what no ``except Exception`` may keep."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from pandabase_django.printable import printable

__all__ = ["ConfigurationError", "PandabaseError", "interruptions", "let_pass"]


class PandabaseError(Exception):
    """Base of every error of this package.

    Attributes:
        message: One sentence for a person, without any secret; of remote words what is printable.
        retryable: The same call may succeed later without anybody changing anything.
        retry_after_seconds: How long to wait before that; None when nothing is known.
        outcome_unknown: A write may have been executed all the same, so it is not retryable: look
            at the remote before sending it again.
        idempotency_key: The key that a write was sent with, for a second try under the same one.
    """

    retryable: bool = False
    retry_after_seconds: float | None = None
    outcome_unknown: bool = False
    idempotency_key: str = ""

    def __init__(self, message: str = "", **attributes: Any) -> None:
        # Most of them quote the remote, and they end in terminals, logs and columns.
        message = printable(str(message))
        super().__init__(message)
        self.message = message
        for name, value in attributes.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with args alone and fail on required keywords.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(
    cls: type[PandabaseError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> PandabaseError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ConfigurationError(ImproperlyConfigured):
    """The settings of the project are wrong; no retry and no input can help."""


_interruptions: list[type[Exception]] = []


def let_pass(error: type[Exception]) -> None:
    """Name an error that ends whatever it interrupts, though it is an ``Exception``.

    Celery's soft time limit is one. The tasks name it here: what catches it knows no Celery.
    """
    if error not in _interruptions:
        _interruptions.append(error)


def interruptions() -> tuple[type[Exception], ...]:
    """What every ``except Exception`` raises again first."""
    return tuple(_interruptions)
