"""Why an answer about an order is not believed.

Answers overtake each other and replicas lag, lists and details each by itself. An answer that is
older than the row here, or than what asked for it, is not believed: the order stays due.
Every doubt ends: ten minutes after its cause was seen no replica is behind it any more, and an
order that was due for an hour without a break is believed in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.services.sync.due.causes import Cause, Shown
from pandabase_django.services.sync.orders.details.lateness import SHOWN_BY, follows, is_behind

__all__ = ["RIVAL", "Doubt", "LocalOrder"]

# A remote whose time went back, or was wrong, or whose list and details never agree, says so still
# when a row has been here, or an order was due, for that long.
BELIEVED_AFTER = timedelta(hours=1)
# How far apart a refund and its order are written at the remote.
_TOGETHER = timedelta(seconds=5)
# A dispute that is lost leaves the order where it was when it began.
_SHOWN_BY_NO_STATUS = ("", "PAYMENT_DISPUTE_LOST")

OLDER = "an answer was older than the row here."
RIVAL = "two answers differ, and no time shows which is later."
BEHIND = "an answer was as before, though a list had shown the order otherwise."
OTHERWISE = "an answer was neither as before nor as a list had shown the order."
EARLIER = "an answer was from before the refund, dispute or event that asked for it."


@dataclass(frozen=True, slots=True)
class Doubt:
    """An answer that is not the last word.

    Attributes:
        why: One of the sentences above, without the order.
        newer: It is later than the row all the same, and is written.
    """

    why: str
    newer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOrder:
    """The order's row, locked.

    ``payload`` is {} unless something is to be compared with it. ``shown`` is the newest list row
    that asked for details; of an order that was never read whole, the row that it came with.
    """

    status: str
    updated_at: datetime | None
    detailed_at: datetime | None
    mark: int
    digest: str
    due_since: datetime | None
    shown: Shown | None
    cause: Cause | None
    payload: Mapping[str, Any]

    def doubt(
        self, answer: schemas.Order, *, asked_at: datetime | None, now: datetime
    ) -> Doubt | None:
        """Why an answer is not to be believed; None when it is.

        Args:
            answer: What the remote said.
            asked_at: When it was asked for; None when nobody else can have asked meanwhile.
            now: The time.
        """
        if self._row_is_newer(answer, asked_at=asked_at or now):
            return Doubt(OLDER)
        if self._rivals(answer, asked_at=asked_at):
            return Doubt(RIVAL)
        at = asked_at or now
        if self.is_overdue(at):
            return None
        shown = self.shown
        if shown is not None and shown.is_open(asked_at=at) and self.trails(answer, shown, now):
            why = BEHIND if answer.digest == self.digest else OTHERWISE
            return Doubt(why, newer=self._answer_is_newer(answer))
        cause = self.cause
        if cause is not None and cause.is_open(asked_at=at) and self._is_before(answer, cause, now):
            return Doubt(EARLIER, newer=self._answer_is_newer(answer))
        return None

    def is_overdue(self, asked_at: datetime) -> bool:
        """Whether the order was due for so long that an answer is believed in any case."""
        return self.due_since is not None and asked_at - self.due_since >= BELIEVED_AFTER

    def trails(self, answer: schemas.Order, shown: Shown, now: datetime) -> bool:
        """Whether an answer is not as the order was shown, and nothing shows that it is later."""
        if schemas.say_the_same(shown.order, answer.payload):
            return False
        status, at = shown.order.get("status"), answer.updated_at
        if at is not None and shown.at < at <= now:
            return False  # it changed since. (A clock that is ahead of ours shows nothing.)
        if status in ("PENDING", "PROCESSING") and follows(answer.status, before=status):
            return False
        if not self._answer_is_newer(answer):
            return True
        # The row was as shown, and the answer is later than the row.
        return not (
            follows(answer.status, before=status)
            or (self.detailed_at is not None and schemas.say_the_same(shown.order, self.payload))
        )

    def _row_is_newer(self, answer: schemas.Order, *, asked_at: datetime) -> bool:
        """By the remote's own time, and as long as that is believed."""
        at = answer.updated_at
        if at is None or self.updated_at is None or at >= self.updated_at:
            return False
        return self.detailed_at is None or asked_at - self.detailed_at < BELIEVED_AFTER

    def _answer_is_newer(self, answer: schemas.Order) -> bool:
        """It is from a later state than the row, as far as that is known."""
        if self.detailed_at is None:
            # What an order consists of is better known early, but no status goes back for it.
            return not follows(self.status, before=answer.status)
        at = answer.updated_at
        return at is not None and self.updated_at is not None and at > self.updated_at

    def _rivals(self, answer: schemas.Order, *, asked_at: datetime | None) -> bool:
        """Row and answer differ, and no time shows which is later."""
        return (
            asked_at is not None
            and self.detailed_at is not None
            and self.detailed_at >= asked_at
            and answer.updated_at in (None, self.updated_at)
            and answer.digest != self.digest
        )

    def _is_before(self, answer: schemas.Order, cause: Cause, now: datetime) -> bool:
        """Whether an answer is from before what a refund, a dispute or an event reports."""
        listed_since = self.shown is not None and self.shown.at > cause.seen_at
        if not listed_since and self.trails(answer, Shown(cause.order, at=cause.seen_at), now):
            return True
        at, since, status = answer.updated_at, cause.since, answer.status or ""
        behind = is_behind(cause.event, status=status, event_at=cause.event_at, updated_at=at)
        if since is None and cause.event:
            return behind
        if since is not None and at is not None:
            if at < since and not self._is_brought_by(cause, status=status, at=at):
                return True
            if cause.event_at is not None:
                return False
        # When it happened is not known: only what is as it was before is doubted.
        before = cause.unseen_at or cause.seen_at
        read_since = self.detailed_at is not None and self.detailed_at >= before
        unclear = cause.event in _SHOWN_BY_NO_STATUS
        return answer.digest == self.digest and not read_since and (behind or unclear)

    def _is_brought_by(self, cause: Cause, *, status: str, at: datetime) -> bool:
        """Whether an order shows what happened, though it is dated a little before it.

        A refund and its order are not written at one moment.
        """
        if cause.since is None or status not in SHOWN_BY.get(cause.event, ()):
            return False
        return self.status != status or at >= cause.since - _TOGETHER
