"""``django.db.transaction``, at the database that the app's rows are written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import transaction
from django.db.transaction import Atomic, TransactionManagementError

from pandabase_django.database.alias import write_alias

__all__ = [
    "TransactionManagementError",
    "atomic",
    "atomic_for_shops",
    "non_atomic_requests",
    "on_commit",
    "refuse_outer",
]

V = TypeVar("V", bound=Callable[..., Any])


class _EveryDatabase(set[str]):
    """Whatever the databases are called."""

    def __contains__(self, alias: object) -> bool:
        return True


def atomic(*, durable: bool = False) -> Atomic:
    """A transaction; ``durable`` refuses to be a part of another one."""
    return transaction.atomic(using=write_alias(), durable=durable)


@contextmanager
def atomic_for_shops() -> Iterator[None]:
    """A transaction for code that is not ours: it is committed, or something is raised.

    Django rolls a transaction back without a word when code inside it has caught a database error,
    or has closed the connection.

    Raises:
        TransactionManagementError: That happened; nothing was written.
    """
    with atomic():
        yield
        if transaction.get_rollback(using=write_alias()):
            raise transaction.TransactionManagementError(
                "A database error was caught inside this transaction, so nothing of it can be "
                "kept. Catch such an error around a transaction.atomic() of its own."
            )


def refuse_outer(what: str) -> None:
    """Refuse to send where a rollback could undo what was committed before; a ``TestCase`` may.

    Args:
        what: The function that was called.

    Raises:
        TransactionManagementError: A transaction is open.
    """
    try:
        with atomic(durable=True):
            pass
    except RuntimeError:
        raise TransactionManagementError(
            f"{what} must not run inside a transaction: a rollback would forget what was sent. "
            "With ATOMIC_REQUESTS, decorate the view with transaction.non_atomic_requests."
        ) from None


def on_commit(work: Callable[[], Any], *, robust: bool = False) -> None:
    """Do this after the commit, or at once outside a transaction."""
    transaction.on_commit(work, using=write_alias(), robust=robust)


def non_atomic_requests(view: V) -> V:
    """Keep a view outside ATOMIC_REQUESTS; of every database, since routers are asked later."""
    view._non_atomic_requests = _EveryDatabase()  # type: ignore[attr-defined]
    return view
