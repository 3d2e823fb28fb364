"""How a run ends: what each kind of failure means for its record and for whoever started it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error as AnyDatabaseError
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    DatabaseAway,
    MissingPermission,
    PandabaseError,
    RateLimited,
)
from pandabase_django.models import SyncRun
from pandabase_django.services.sync.recorder import Recorder, RunCancelled

__all__ = ["RunResult", "attempt", "database_away", "without_database"]

logger = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
# idle_in_transaction_session_timeout: PostgreSQL ends the session, and psycopg has it as an
# InternalError; every other way of ending one is an OperationalError.
IDLE_IN_TRANSACTION = "25P03"
# Both drivers also have as an OperationalError what no retry helps: PostgreSQL a value beyond one
# of its limits (SQLSTATE 54…), SQLite a statement that is wrong, such as one for a missing table.
BEYOND_A_LIMIT = "54"
WRONG_STATEMENT = "SQLITE_ERROR"
UNEXPECTED = "An unexpected error; the log has it."
REFUSED = "The database refused what was to be written or read ({name}); the log has it."
GOES_ON = "The next run goes on from here."


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        run: Its record; not saved when it was a dry run.
        error: What stopped it; None when nothing did.
    """

    run: SyncRun
    error: Exception | None = None

    @property
    def seconds(self) -> float:
        """Duration."""
        finished = self.run.finished_at or timezone.now()
        return (finished - self.run.started_at).total_seconds()

    @property
    def retry_after_seconds(self) -> float | None:
        """When a retry makes sense without anybody changing anything; None when it does not."""
        if isinstance(self.error, PandabaseError) and self.error.retryable:
            return self.error.retry_after_seconds or 30.0
        return None


def attempt(
    recorder: Recorder, work: Callable[[], SyncRun.State], *, comes_again: bool = False
) -> RunResult:
    """Do the work and close the record, whatever comes of it.

    Args:
        recorder: Of the run.
        work: Returns the state in which the run ends well.
        comes_again: See ``runs.sync_resource``.

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
    except Exception:
        run.error = UNEXPECTED
        _finish_if_possible(recorder, SyncRun.State.FAILED)
        raise
    recorder.finish(state)
    return RunResult(run)


def without_database(run: SyncRun, error: AnyDatabaseError) -> RunResult | None:
    """How a run ends whose database went away; None when something else is wrong with it.

    Its record may stay open: only the database could close it.
    """
    away = database_away(error)
    if away is None:
        return None
    run.state = SyncRun.State.FAILED
    run.error = f"{away} {GOES_ON}"
    name = f"{run.resource} of {run.store_id}"
    logger.warning("Sync of %s failed: %s (%s)", name, run.error, type(error).__name__)
    return RunResult(run, away)


def database_away(error: AnyDatabaseError) -> DatabaseAway | None:
    """What there is to tell of a connection that failed; None when it did not."""
    return DatabaseAway("The database was out of reach.") if _cut_off(error) else None


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
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""


def _name_of(error: AnyDatabaseError) -> str:
    """Without the driver's message, which may hold the value."""
    return f"{type(error).__name__} {_state_of(error)}".rstrip()


def _finish_if_possible(recorder: Recorder, state: SyncRun.State) -> None:
    """Close the record unless the database is what failed; then the reaper closes it."""
    try:
        recorder.finish(state)
    except AnyDatabaseError as error:
        logger.warning("The record of a run stays open (%s).", type(error).__name__)
