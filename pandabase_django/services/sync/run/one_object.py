"""What an error about one of many objects, or one of several lists, means.

It concerns that object or list alone, or it ends the run. What can't be kept is remembered
(``LeftOut``): most runs read only some pages of a list, and each says that not all of it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from django.db import DataError, IntegrityError, OperationalError
from django.db import Error as AnyDatabaseError

from pandabase_django.exceptions import (
    APIError,
    InvalidCredential,
    MissingPermission,
    ObjectNotFound,
    PandabaseError,
    ProtocolError,
    RateLimited,
    TransportError,
    UnfitId,
)
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.failures import beyond_a_limit, transact

__all__ = [
    "LeftOut",
    "end_round",
    "exists",
    "failure_of",
    "forget_left_out",
    "list_is_closed",
    "note_page",
    "note_rows",
    "report_left_out",
    "while_it_is_well",
    "write_in_parts",
]

if TYPE_CHECKING:
    from pandabase_django.api.schemas import Page
    from pandabase_django.services.sync.run.context import RunContext

logger = get_logger(__name__)

# In a row: after each five a request that must work shows whether it is the objects or the remote.
FAILURES_BEFORE_CONTROL = 5
FAILURES_AT_MOST = 100  # then no object can be read any more, whatever else works
UNWRITTEN_AT_MOST = 100  # of a run: then it is not the rows
REMEMBERED_AT_MOST = 100  # of a list: more say nothing more

K = TypeVar("K")
A = TypeVar("A")


class _Entry(Protocol):
    """Anything a list returns."""

    @property
    def id(self) -> str | None:
        """The remote id; entries of a log need not have one."""


S = TypeVar("S", bound=_Entry)
R = TypeVar("R")


def failure_of(error: Exception) -> PandabaseError:
    """What to note of the object whose reading or writing raised this.

    Raises:
        Exception: The error itself, when it concerns more than that object.
    """
    if isinstance(error, (InvalidCredential, RateLimited)):
        raise error
    if isinstance(error, MissingPermission) and (error.codes or not error.sent):
        raise error  # the token's; one that names no permission may be of this object alone
    if isinstance(error, (APIError, ProtocolError, TransportError, UnfitId)):
        return error
    if isinstance(error, AnyDatabaseError):
        of_a_value = isinstance(error, (DataError, IntegrityError)) or (
            isinstance(error, OperationalError) and beyond_a_limit(error)
        )
        if not of_a_value:
            raise error
        # The driver's words may hold the value.
        return ProtocolError(f"The database refused it ({type(error).__name__}).")
    # A run's end, a missing key or a time-out of the worker is no object's either.
    of_values = isinstance(error, (ArithmeticError, AttributeError, LookupError, RecursionError))
    if not of_values and not isinstance(error, (TypeError, ValueError)):
        raise error
    logger.error("One object met an unexpected error.", exc_info=error)
    return ProtocolError(f"An unexpected error ({type(error).__name__}); the log has it.")


def list_is_closed(error: Exception) -> bool:
    """Whether one list alone does not give its rows, whatever it says, and the others may.

    A token without the permission is answered so, a store without the feature, whoever has a
    firewall on the way, and whoever asks a list that is broken. If it is the whole remote that is,
    the next list ends the run. A credential or a limit is of all lists.
    """
    answered = isinstance(error, (APIError, ProtocolError))
    return answered and not isinstance(error, (InvalidCredential, RateLimited))


def exists(get: Callable[[str], object], pk: str) -> bool | PandabaseError:
    """Whether the remote finds an object; its failure when that is not known.

    Raises:
        PandabaseError: The credential, a permission or a limit prevents it.
    """
    try:
        get(pk)
    except ObjectNotFound:
        return False
    except Exception as error:  # noqa: BLE001  what is no object's is raised again
        return failure_of(error)
    return True


def while_it_is_well(
    answers: Iterable[tuple[K, A]], *, control: Callable[[], object]
) -> Iterator[tuple[K, A]]:
    """Pass answers on until failures in a row mean that the remote is unwell, not some objects.

    Args:
        answers: What came of each object; one that is not found says nothing either way.
        control: A request that must work.

    Raises:
        PandabaseError: What the control met, or the last of too many failures.
    """
    in_a_row = 0
    for item, answer in answers:
        yield item, answer
        if isinstance(answer, ObjectNotFound):
            continue
        if not isinstance(answer, PandabaseError):
            in_a_row = 0
            continue
        in_a_row += 1
        if in_a_row >= FAILURES_AT_MOST:
            raise answer
        if in_a_row % FAILURES_BEFORE_CONTROL == 0:
            control()


def write_in_parts(
    context: RunContext,
    items: Sequence[S],
    write: Callable[[Sequence[S], datetime], R],
    *,
    of: str = "",
) -> list[R]:
    """Write list rows in one transaction; when they are refused, in halves, down to single rows.

    A row that can't be written by itself is left out and named, and the run ends in part.

    Args:
        context: The run.
        items: The rows.
        write: Writes some of them inside the transaction it is called in.
        of: The resource that remembers what was left out; empty when nothing is remembered.

    Returns:
        What came of each transaction: one, unless the rows were refused.
    """

    def write_all() -> R:
        with context.writing() as now:
            return write(items, now)

    try:
        return [transact(write_all)]
    except Exception as error:
        failure = failure_of(error)
        if not items or len(context.unwritten) >= UNWRITTEN_AT_MOST:
            raise
        if len(items) == 1:
            name = items[0].id or "An entry without an id"
            context.unwritten.add(name)
            why = f"{name} could not be written: {failure}"
            context.recorder.leave_out([why])
            if of:
                note_rows(context, of, left_out={name: why})
            return []
    half = len(items) // 2
    return [
        *write_in_parts(context, items[:half], write, of=of),
        *write_in_parts(context, items[half:], write, of=of),
    ]


@dataclass(slots=True)
class LeftOut(Checkpoint):
    """What a list has and could not be kept here.

    Attributes:
        rows: Why, by the id; under ``UNREADABLE`` what has none.
        unmet: Those that no run has met since the present round of the whole list began.
    """

    reading: ClassVar[str] = "left_out"
    rows: dict[str, str] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)


UNREADABLE = "unreadable"


def note_rows(
    context: RunContext,
    resource: str,
    *,
    met: Iterable[str] = (),
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Remember what could not be kept, and forget it once it is.

    Args:
        context: The run.
        resource: Whose rows they are.
        met: Ids that the list showed; those that are not left out were kept.
        left_out: Why some could not be kept, by id.
    """
    if not left_out and not context.checkpoints.has(resource, LeftOut):
        return
    known, met_ids = context.checkpoints.of(resource, LeftOut), set(met)
    context.left_out[resource] -= met_ids
    context.left_out[resource] |= left_out.keys()
    for pk in known.rows.keys() & met_ids:
        del known.rows[pk]
    for pk, why in left_out.items():
        if len(known.rows) < REMEMBERED_AT_MOST:
            known.rows[pk] = why
    known.unmet = [pk for pk in known.unmet if pk in known.rows and pk not in left_out]
    if not known.rows:
        forget_left_out(context, resource)


def note_page(context: RunContext, resource: str, page: Page[Any]) -> None:
    """Note what a page says of its rows; with one that can't be read the run ends in part."""
    context.recorder.warn(page.warnings)
    if page.received > len(page.items):
        context.recorder.in_part = True
        why = f"Some {resource} could not be read."
        note_rows(context, resource, left_out={UNREADABLE: why})


def forget_left_out(context: RunContext, resource: str) -> None:
    """The whole list is about to be read: what can't be kept is met again."""
    context.checkpoints.drop(resource, LeftOut)


def end_round(context: RunContext, resource: str) -> None:
    """A round of the whole list has ended: what no run met in it is not there any more."""
    if not context.checkpoints.has(resource, LeftOut):
        return
    known = context.checkpoints.of(resource, LeftOut)
    known.rows = {pk: why for pk, why in known.rows.items() if pk not in known.unmet}
    known.unmet = list(known.rows)
    if not known.rows:
        forget_left_out(context, resource)


def report_left_out(context: RunContext) -> None:
    """Have the run end in part for what earlier ones left out, and it did not meet."""
    for resource, known in context.checkpoints.each(LeftOut):
        context.recorder.leave_out(
            f"Since an earlier run: {why}"
            for pk, why in known.rows.items()
            if pk not in context.left_out[resource]
        )
