"""What a person does with usage that was rejected: send it again, correct it, or drop it.

Each is a compare-and-set on the state, so that of two people one finds it done. A rejected record
was not counted, so it keeps its external id: whatever went wrong, it is billed once at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.models import UsageRecord
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.reasons import kept_reason
from pandabase_django.services.usage.recording import check_usage, due_of

__all__ = ["correct_usage", "drop_usage", "resend_usage"]

State = UsageRecord.State
REASON_CHARACTERS = 500


def resend_usage(ids: Iterable[int]) -> int:
    """Have rejected records sent again as they are. Returns how many these were."""
    rejected = UsageRecord.objects.filter(Among(F("pk"), list(ids)), state=State.REJECTED)
    return rejected.update(**_pending(timezone.now()))


def correct_usage(pk: int, *, event: str, quantity: int, at: datetime) -> None:
    """Change a rejected record, and have it sent.

    Args:
        pk: Which.
        event: Name of the meter.
        quantity: How much.
        at: When it counts as used: in the current period, if it is to be billed in that.

    Raises:
        ValueError: A value out of range, or the record is not rejected any more.
    """
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    check_usage(event=event, quantity=quantity, at=at)
    now = timezone.now()
    columns = {"event": event, "quantity": quantity, "at": at, "is_corrected": True}
    _change(pk, **columns, **_pending(due_of(at, now=now)))


def drop_usage(pk: int, *, reason: str) -> None:
    """Never bill a rejected record.

    Raises:
        ValueError: It is not rejected any more.
    """
    _change(
        pk,
        state=State.DROPPED,
        reason=kept_reason(reason)[:REASON_CHARACTERS],
        is_corrected=True,
        settled_at=timezone.now(),
    )


def _pending(due_at: datetime) -> dict[str, Any]:
    return {"state": State.PENDING, "due_at": due_at, "settled_at": None, "reason": ""}


def _change(pk: int, **columns: Any) -> None:
    if not UsageRecord.objects.filter(pk=pk, state=State.REJECTED).update(**columns):
        raise ValueError(_("This record is not rejected any more."))
