"""How a run ends: what each kind of failure means for its record and for whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import Error as AnyDatabaseError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from pandabase_django.database import connection
from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    DatabaseAway,
    DatabaseBusy,
    MissingPermission,
    PandabaseError,
    RateLimited,
    StatementCancelled,
    interruptions,
)
from pandabase_django.models import SyncRun
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.sync.run.recorder import Recorder, RunCancelled, RunStopped

__all__ = [
    "UNEXPECTED",
    "RunResult",
    "attempt",
    "beyond_a_limit",
    "database_away",
    "transact",
    "without_database",
]

logger = get_logger(__name__)

R = TypeVar("R")

DATABASE_AWAY = (OperationalError, InterfaceError)
# idle_in_transaction_session_timeout: PostgreSQL ends the session, and psycopg has it as an
# InternalError; every other way of ending one is an OperationalError.
IDLE_IN_TRANSACTION = "25P03"
# Both drivers also have as an OperationalError what no retry helps: PostgreSQL a value beyond one
# of its limits (SQLSTATE 54…), SQLite a statement that is wrong, such as one for a missing table.
BEYOND_A_LIMIT = "54"
WRONG_STATEMENT = "SQLITE_ERROR"
INTERRUPTED = "Ended in the middle ({name}). The next run goes on from here."
# The connection is well; what was in the way may be gone at the next try.
IN_THE_WAY = {
    "40001": "Another transaction changed the same rows (serialization failure).",
    "40P01": "Two transactions waited for each other, and the database ended this one (deadlock).",
    "55P03": "A row or table stayed locked by somebody else for too long (lock_timeout).",
}
# Of these, the ones that end one transaction for the sake of another: it may begin again at once.
GIVES_WAY = ("40001", "40P01")
TRIES = 3
STATEMENT_CANCELLED = "57014"
SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
SQLITE_BUSY_TEXT = "is locked"  # of a table or the database; Python 3.10 names no state
UNEXPECTED = "An unexpected error; the log has it."
REFUSED = "The database refused what was to be written or read ({name}); the log has it."
GOES_ON = "The next run goes on from here."


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        run: Its record; never saved by a comparison.
        error: What stopped it; None when nothing did.
        away_seconds: The host does not answer, and is left alone for so long; None when it does.
    """

    run: SyncRun
    error: Exception | None = None
    away_seconds: float | None = None

    @property
    def retry_after_seconds(self) -> float | None:
        """When a retry makes sense without anybody changing anything; None when it does not."""
        if isinstance(self.error, PandabaseError) and self.error.retryable:
            seconds = self.error.retry_after_seconds
            return 30.0 if seconds is None else seconds
        return None


def attempt(
    recorder: Recorder, work: Callable[[], SyncRun.State], *, comes_again: bool = False
) -> RunResult:
    """Do the work and close the record, whatever comes of it.

    Args:
        recorder: Of the run.
        work: Returns the state in which the run ends well.
        comes_again: See ``runs.Caller``.

    Raises:
        KeyboardInterrupt: Somebody at a terminal ended it; its record says so.
    """
    run = recorder.run
    name = f"{run.resource} of {run.store_id}"
    try:
        state = work()
    except MissingPermission as error:
        run.error, run.request_id = str(error), error.request_id
        recorder.finish(SyncRun.State.SKIPPED)
        return RunResult(run, error)
    except RunCancelled as error:
        recorder.finish(SyncRun.State.CANCELLED)
        return RunResult(run, error)
    except RunStopped as error:
        run.error = f"{error} {GOES_ON}"
        recorder.finish(
            SyncRun.State.POSTPONED if comes_again else SyncRun.State.CANCELLED,
            waiting_until=timezone.now() if comes_again else None,
        )
        return RunResult(run, error)
    except (PandabaseError, ConfigurationError) as error:
        run.error = str(error)
        run.request_id = error.request_id if isinstance(error, APIError) else ""
        result = RunResult(run, error)
        if comes_again and isinstance(error, RateLimited):
            until = timezone.now() + timedelta(seconds=result.retry_after_seconds or 0)
            recorder.finish(SyncRun.State.POSTPONED, waiting_until=until)
            logger.info("Sync of %s goes on at %s: %s", name, until, error)
        else:
            recorder.finish(SyncRun.State.FAILED)
            logger.warning("Sync of %s failed: %s", name, error)
        return result
    except AnyDatabaseError as error:
        ended = without_database(run, error)
        run.error = run.error or REFUSED.format(name=_name_of(error))
        _finish_if_possible(recorder, SyncRun.State.FAILED)
        if ended is None:
            raise
        return ended
    except KeyboardInterrupt:
        _finish_if_possible(recorder, SyncRun.State.CANCELLED)
        raise
    except interruptions() as error:
        run.error = INTERRUPTED.format(name=type(error).__name__)
        _finish_if_possible(recorder, SyncRun.State.FAILED)
        raise
    except Exception:
        run.error = UNEXPECTED
        _finish_if_possible(recorder, SyncRun.State.FAILED)
        raise
    recorder.finish(state)
    return RunResult(run)


def transact(work: Callable[[], R]) -> R:
    """Do what is one transaction, again when the database ended it for the sake of another one.

    Args:
        work: The whole transaction. Inside another one it is done once.

    Raises:
        DatabaseError: It gave way three times, or something else was wrong.
    """
    for tried in range(1, TRIES):
        try:
            return work()
        except AnyDatabaseError as error:
            if _state_of(error) not in GIVES_WAY or connection.in_atomic_block:
                raise
            logger.info(
                "A transaction gave way to another one (try %s): %s", tried, _name_of(error)
            )
    return work()


def without_database(run: SyncRun, error: AnyDatabaseError) -> RunResult | None:
    """How a run ends whose database went away; None when something else is wrong with it.

    Its record may stay open: only the database could close it.
    """
    away = database_away(error)
    if away is None:
        return None
    run.state = SyncRun.State.FAILED
    run.error = str(away) if run.dry_run else f"{away} {GOES_ON}"
    name = f"{run.resource} of {run.store_id}"
    logger.warning("Sync of %s failed: %s (%s)", name, run.error, type(error).__name__)
    return RunResult(run, away)


def database_away(error: AnyDatabaseError) -> PandabaseError | None:
    """What to say of a database that failed for a while; None when something else is wrong."""
    state = _state_of(error)
    if state == STATEMENT_CANCELLED:
        return StatementCancelled(
            "The database cancelled a statement: it took too long (statement_timeout), or somebody "
            "ended it."
        )
    if state in IN_THE_WAY:
        return DatabaseBusy(IN_THE_WAY[state])
    if state.startswith(SQLITE_BUSY) or (not state and SQLITE_BUSY_TEXT in str(error)):
        return DatabaseBusy("The database was busy: another process wrote for too long.")
    return DatabaseAway("The database was out of reach.") if _cut_off(error) else None


def beyond_a_limit(error: AnyDatabaseError) -> bool:
    """Whether a value was beyond one of the database's limits, such as JSON that is too deep."""
    return _state_of(error).startswith(BEYOND_A_LIMIT)


def _cut_off(error: AnyDatabaseError) -> bool:
    """Whether the connection failed; a dead one is closed, so that the next query opens one."""
    # Not only a look at the connection: whoever was closed since may have opened a new one.
    state = _state_of(error)
    away = state == IDLE_IN_TRANSACTION or (
        isinstance(error, DATABASE_AWAY)
        and not state.startswith(BEYOND_A_LIMIT)
        and state != WRONG_STATEMENT
    )
    if connection.in_atomic_block:
        return away
    # Django drops a connection on which even the rollback failed.
    dead = connection.connection is None or not connection.is_usable()
    if dead:
        connection.close()
    return dead or away


def _state_of(error: AnyDatabaseError) -> str:
    """The driver's own name of an error: a SQLSTATE, or SQLite's (from Python 3.11 on)."""
    names = ("sqlstate", "pgcode", "sqlite_errorname")  # psycopg, psycopg 2, SQLite
    found = (getattr(error.__cause__, name, None) for name in names)
    return next(filter(None, found), "")


def _name_of(error: AnyDatabaseError) -> str:
    """Without the driver's message, which may hold the value."""
    return f"{type(error).__name__} {_state_of(error)}".rstrip()


def _finish_if_possible(recorder: Recorder, state: SyncRun.State) -> None:
    """Close the record unless the database is what failed; then the reaper closes it."""
    try:
        recorder.finish(state)
    except AnyDatabaseError as error:
        logger.warning("The record of a run stays open (%s).", type(error).__name__)
