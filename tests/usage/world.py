"""What tests of usage share: the remote's count, and time that passes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import F

from pandabase_django.models import UsageRecord
from pandabase_django.sandbox import Sandbox

__all__ = ["EVENTS", "Killed", "billed", "killer", "pass_time"]

EVENTS = ("tokens", "calls")


class Killed(BaseException):
    """The process is gone: nothing that it would still do happens."""


def killer(after: int) -> Any:
    """Lets so many statements through, the last one executed or not, and none from then on."""
    left = after

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        left -= 1
        # A transaction that began and nobody knows of would be another test's.
        if left == 0 and not sql.startswith(("BEGIN", "SAVEPOINT")):
            run(sql, params, many, context)
        if left <= 0:
            raise Killed
        return run(sql, params, many, context)

    return execute


def billed(sandbox: Sandbox) -> dict[tuple[str, str], int]:
    """What the remote has counted: quantity by subscription and external id; each one once."""
    found = list(_events(sandbox))
    by_id = dict(found)
    assert len(by_id) == len(found), "Something was billed twice."
    return by_id


def pass_time(minutes: float = 11) -> None:
    """All that waits here has waited for so long."""
    by = timedelta(minutes=minutes)
    UsageRecord.objects.update(due_at=F("due_at") - by)
    UsageRecord.objects.filter(claimed_until__isnull=False).update(
        claimed_until=F("claimed_until") - by
    )


def _events(sandbox: Sandbox) -> Iterator[tuple[tuple[str, str], int]]:
    for event in sandbox.dump("usage"):
        yield (event["subscriptionId"], event["externalId"]), event["quantity"]
