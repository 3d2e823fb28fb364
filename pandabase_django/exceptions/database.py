"""The shop's own database, and the leases that are kept in it."""

from __future__ import annotations

from pandabase_django.exceptions.base import PandabaseError

__all__ = ["DatabaseAway", "DatabaseBusy", "LeaseHeld", "LeaseLost", "StatementCancelled"]


class DatabaseAway(PandabaseError):
    """The shop's own database went away during a run; what was committed stays."""

    retryable = True


class DatabaseBusy(PandabaseError):
    """The shop's own database refused for a moment: a lock, a deadlock, a conflict."""

    retryable = True


class StatementCancelled(PandabaseError):
    """The shop's own database cancelled a statement; it would take as long again at once."""


class LeaseHeld(PandabaseError):
    """Another worker syncs the resource."""

    retryable = True
    holder: str = ""
    """Who holds the lease, as it is shown to people."""


class LeaseLost(PandabaseError):
    """The lease passed to another worker; nothing more may be written under it."""
