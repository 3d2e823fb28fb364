"""Whether a user may use a product, by what was bought. Asks no database.

docs/access.md has the rules as a table, and the tests have the same one. A purchase counts for the
user that its checkout was opened for. What no session of this shop names, and what a guest bought,
counts for the user that its customer is linked to. E-mail addresses count for nothing (P-38).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models import Purchase, Subscription
from pandabase_django.models.access.grants import CLOCKS_APART, NOT_PAID_FOR
from pandabase_django.models.access.subscriptions import BEGINS_WITHIN, WITH_ACCESS
from pandabase_django.models.orders import BELONGS

__all__ = ["Access", "Bought", "Reason", "Subscribed", "judge"]


class Reason(models.TextChoices):
    """Why access is granted, or is not."""

    BOUGHT = "BOUGHT", _("Bought")
    SUBSCRIBED = "SUBSCRIBED", _("Subscribed")
    TRIAL = "TRIAL", _("Trial")
    PAST_DUE = "PAST_DUE", _("Subscribed; the last charge failed and is tried again")
    PAUSED = "PAUSED", _("Subscribed; paused")
    ENDS = "ENDS", _("Cancelled; paid until the period ends")
    BEGINS = "BEGINS", _("Paid; the subscription is not known yet")

    NOT_SIGNED_IN = "NOT_SIGNED_IN", _("Not signed in")
    INACTIVE = "INACTIVE", _("The user is not active")
    NOT_BOUGHT = "NOT_BOUGHT", _("Not bought")
    NOT_PAID = "NOT_PAID", _("Not paid yet")
    MISMATCH = "MISMATCH", _("Something else was paid than the checkout asked")
    REVERSED = "REVERSED", _("Refunded or charged back")
    ENDED = "ENDED", _("The subscription has ended")
    LATER = "LATER", _("Bought later")
    GONE = "GONE", _("Pandabase has it no longer")
    UNKNOWN_STATUS = "UNKNOWN_STATUS", _("In a status that is not known")


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a user may use a product.

    Attributes:
        granted: Whether.
        reason: Why, or why not; ``reason.label`` says it in words.
        until: When it ends for certain; None when no end is known, or nothing is granted.
    """

    granted: bool
    reason: Reason
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.granted


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of an order.

    Attributes:
        status: The order's.
        is_gone: The order, or the line, is gone at the remote.
        created_at: The order's.
        quantity: None where the remote does not say it.
        is_recurring: Its product, or the session, is a subscription.
        verdict: What the order is to a checkout session of this shop; "" when it names none.
        standing: Of the purchase.
        asked_by: The user that the session was opened for.
        user_id: The user that the purchase counts for.
        linked_to: The user that the customer is linked to.
        had_user: The session was opened for a user, who may be deleted by now.
        has_begun: The subscription that it began is known.
    """

    status: str
    is_gone: bool = False
    created_at: datetime | None = None
    quantity: int | None = 1
    is_recurring: bool = False
    verdict: str = ""
    standing: str = ""
    asked_by: Any = None
    user_id: Any = None
    linked_to: Any = None
    had_user: bool = False
    has_begun: bool = False


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription.

    Attributes:
        status: TRIALING, ACTIVE, PAST_DUE, PAUSED or CANCELLED.
        is_gone: It is gone at the remote.
        created_at: When it began.
        ends_at: Of a cancelled one: until when it was paid for.
        verdict: Of the purchase that began it; "" when none is known.
        standing: Of that purchase.
        user_id: The user that the purchase counts for.
        linked_to: The user that the customer is linked to.
        had_user: That purchase's session was opened for a user, who may be deleted by now.
    """

    status: str
    is_gone: bool = False
    created_at: datetime | None = None
    ends_at: datetime | None = None
    verdict: str = ""
    standing: str = ""
    user_id: Any = None
    linked_to: Any = None
    had_user: bool = False


def judge(
    user_id: Any,
    *,
    bought: Iterable[Bought] = (),
    subscribed: Iterable[Subscribed] = (),
    at: datetime,
) -> Access:
    """Whether a user may use a product. The statuses are those of now, whatever ``at`` is.

    Args:
        user_id: The user.
        bought: Lines with the product, of whomever: others' count for nothing.
        subscribed: Subscriptions of the product, likewise.
        at: When.
    """
    found = [
        *_of(_by_line, user_id, bought, at),
        *_of(_by_subscription, user_id, subscribed, at),
    ]
    granted = [access for access in found if access.granted]
    if granted:
        return max(granted, key=_worth)
    return min(found, key=_rank, default=Access(False, Reason.NOT_BOUGHT))


_GRANTING = (
    Reason.BOUGHT,
    Reason.SUBSCRIBED,
    Reason.TRIAL,
    Reason.PAUSED,
    Reason.PAST_DUE,
    Reason.ENDS,
    Reason.BEGINS,
)
# Which of several refusals a person is told: the one that something can be done about.
_REFUSING = (
    Reason.NOT_PAID,
    Reason.MISMATCH,
    Reason.LATER,
    Reason.ENDED,
    Reason.REVERSED,
    Reason.UNKNOWN_STATUS,
    Reason.GONE,
)
_BY_STATUS = {
    Subscription.Status.TRIALING: Reason.TRIAL,
    Subscription.Status.ACTIVE: Reason.SUBSCRIBED,
    Subscription.Status.PAST_DUE: Reason.PAST_DUE,
    Subscription.Status.PAUSED: Reason.PAUSED,
}


def _of(rule: Any, user_id: Any, rows: Iterable[Any], at: datetime) -> Iterator[Access]:
    for row in rows:
        found = rule(user_id, row, at)
        if found is not None:
            yield found


def _worth(access: Access) -> tuple[bool, float, int]:
    """The longest one counts."""
    until = access.until.timestamp() if access.until else 0
    return (access.until is None, until, -_GRANTING.index(access.reason))


def _rank(access: Access) -> int:
    return _REFUSING.index(access.reason)


def _by_line(user_id: Any, row: Bought, at: datetime) -> Access | None:
    if row.quantity is not None and row.quantity <= 0:
        return None
    if not row.verdict:
        return _by_customer(user_id, row, at)
    if row.verdict not in BELONGS:
        return _not_fitting(user_id, row)
    if _owner(row) != user_id:
        return None
    refusal = _reversed(row.standing) or _lacking(row, at)
    if refusal or row.status in NOT_PAID_FOR:
        return Access(False, refusal or Reason.REVERSED)
    if not row.is_recurring:
        return Access(True, Reason.BOUGHT)
    if row.has_begun or row.created_at is None:
        return None  # the subscription itself decides
    until = row.created_at + BEGINS_WITHIN
    return Access(True, Reason.BEGINS, until) if at < until else Access(False, Reason.ENDED)


def _by_customer(user_id: Any, row: Bought, at: datetime) -> Access | None:
    """An order that names no session counts for the customer's user, if there is one."""
    if row.linked_to is None or row.linked_to != user_id or row.is_recurring:
        return None
    if row.status in NOT_PAID_FOR:
        return Access(False, Reason.REVERSED)
    if row.status != "COMPLETED":
        return Access(False, Reason.NOT_PAID) if row.status in _UNPAID else None
    refusal = _lacking(row, at)
    return Access(False, refusal) if refusal else Access(True, Reason.BOUGHT)


_UNPAID = ("PENDING", "PROCESSING")


def _not_fitting(user_id: Any, row: Bought) -> Access | None:
    """An order that did not pay for its session, or not yet: it grants nothing."""
    if row.asked_by is None or row.asked_by != user_id:
        return None
    if row.verdict == Purchase.Verdict.MISMATCH:
        return Access(False, Reason.MISMATCH)
    waits = row.verdict == Purchase.Verdict.WAITING and row.status in _UNPAID
    return Access(False, Reason.NOT_PAID) if waits else None


def _by_subscription(user_id: Any, row: Subscribed, at: datetime) -> Access | None:
    if _owner(row) != user_id or (row.verdict and row.verdict not in BELONGS):
        return None
    # Of a purchase that was reversed nothing is left, whatever became of the subscription.
    refusal = (_reversed(row.standing) if row.verdict else None) or _lacking(row, at)
    if refusal:
        return Access(False, refusal)
    if row.status == Subscription.Status.CANCELLED:
        if row.ends_at is None or row.ends_at <= at:
            return Access(False, Reason.ENDED)
        return Access(True, Reason.ENDS, row.ends_at)
    if row.status not in WITH_ACCESS:
        return Access(False, Reason.UNKNOWN_STATUS)
    return Access(True, _BY_STATUS[Subscription.Status(row.status)])


def _owner(row: Bought | Subscribed) -> Any:
    """Whose it is: the session's user, or the customer's where a guest bought.

    What a user bought who is deleted by now is nobody's.
    """
    return row.linked_to if row.user_id is None and not row.had_user else row.user_id


def _reversed(standing: str) -> Reason | None:
    if standing == Purchase.Standing.IN_FORCE:
        return None
    return Reason.REVERSED if standing == Purchase.Standing.REVERSED else Reason.NOT_PAID


def _lacking(row: Bought | Subscribed, at: datetime) -> Reason | None:
    if row.is_gone:
        return Reason.GONE
    later = row.created_at is not None and row.created_at > at + CLOCKS_APART
    return Reason.LATER if later else None
