"""The rules of docs/access.md as a table: the page shows what is written here, a test compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from pandabase_django.access import Reason
from pandabase_django.services.access.rules import Bought, Subscribed

__all__ = ["NOW", "RULES", "Rule", "as_markdown"]

NOW = datetime(2026, 11, 10, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
USER, OTHER = 1, 2
RUNNING = ("TRIALING", "ACTIVE", "PAST_DUE", "PAUSED")


def day(days: float) -> datetime:
    return NOW + days * DAY


def order(status: str = "COMPLETED", **columns: object) -> Bought:
    """A line of an order that paid for a checkout of the user's, ten days ago."""
    standing = {"COMPLETED": "IN_FORCE", "REFUNDED": "REVERSED", "CHARGEBACK": "REVERSED"}
    values: dict[str, object] = {
        "created_at": day(-10),
        "verdict": "MATCHED",
        "standing": standing.get(status, ""),
        "asked_by": USER,
        "user_id": USER,
        **columns,
    }
    return Bought(status, **values)  # type: ignore[arg-type]


def waiting(status: str) -> Bought:
    return order(status, verdict="WAITING", user_id=None)


def foreign(status: str = "COMPLETED", **columns: object) -> Bought:
    """A line of an order that names no checkout of this shop."""
    values = {"verdict": "", "standing": "", "asked_by": None, "user_id": None, **columns}
    return order(status, **values)


def plan(status: str, **columns: object) -> Subscribed:
    """A subscription that a purchase of the user's began, ten days ago."""
    values: dict[str, object] = {
        "created_at": day(-10),
        "verdict": "MATCHED",
        "standing": "IN_FORCE",
        "user_id": USER,
        **columns,
    }
    return Subscribed(status, **values)  # type: ignore[arg-type]


def known(status: str, **columns: object) -> Subscribed:
    """A subscription whose purchase is not known."""
    return plan(status, **{"verdict": "", "standing": "", "user_id": None, **columns})


@dataclass(frozen=True)
class Rule:
    """One row.

    Attributes:
        case: What was bought, as the page says it.
        rows: The same for the rules.
        reason: What is answered at the time ``at``.
        until: When it ends.
        ends: The end as the page says it.
        at: When it is asked.
    """

    case: str
    rows: tuple[Bought | Subscribed, ...]
    reason: Reason
    until: datetime | None = None
    ends: str = ""
    at: tuple[datetime, ...] = field(default=(NOW, day(1), day(3650)))

    @property
    def granted(self) -> bool:
        return self.reason in _GRANTING

    @property
    def bought(self) -> list[Bought]:
        return [row for row in self.rows if isinstance(row, Bought)]

    @property
    def subscribed(self) -> list[Subscribed]:
        return [row for row in self.rows if isinstance(row, Subscribed)]


_GRANTING = {
    Reason.BOUGHT,
    Reason.SUBSCRIBED,
    Reason.TRIAL,
    Reason.PAST_DUE,
    Reason.PAUSED,
    Reason.ENDS,
    Reason.BEGINS,
}

ENDS = day(5)
RULES: dict[str, list[Rule]] = {
    "Bought once": [
        Rule("Nothing", (), Reason.NOT_BOUGHT),
        Rule("An order that is PENDING", (waiting("PENDING"),), Reason.NOT_PAID),
        Rule("An order that is PROCESSING", (waiting("PROCESSING"),), Reason.NOT_PAID),
        Rule("An order that FAILED", (waiting("FAILED"),), Reason.NOT_BOUGHT),
        Rule("An order that was CANCELLED", (waiting("CANCELLED"),), Reason.NOT_BOUGHT),
        Rule("An order that is COMPLETED", (order(),), Reason.BOUGHT),
        Rule("The same, before it was bought", (order(),), Reason.LATER, at=(day(-11),)),
        Rule("The same, at the moment it was bought", (order(),), Reason.BOUGHT, at=(day(-10),)),
        Rule("An order without a time", (order(created_at=None),), Reason.BOUGHT),
        Rule("REFUNDED", (order("REFUNDED"),), Reason.REVERSED),
        Rule("CHARGEBACK: charged back", (order("CHARGEBACK"),), Reason.REVERSED),
        Rule("The dispute was won: COMPLETED again", (order(),), Reason.BOUGHT),
        Rule(
            "COMPLETED again in the list, and its details not read yet",
            (order(standing="REVERSED"),),
            Reason.REVERSED,
        ),
        Rule(
            "REFUNDED in the list, and its details not read yet",
            (order("REFUNDED", standing="IN_FORCE"),),
            Reason.REVERSED,
        ),
        Rule("The order is gone at Pandabase", (order(is_gone=True),), Reason.GONE),
        Rule("Several pieces", (order(quantity=7),), Reason.BOUGHT),
        Rule("No number of pieces is known", (order(quantity=None),), Reason.BOUGHT),
        Rule("No pieces", (order(quantity=0),), Reason.NOT_BOUGHT),
        Rule(
            "Something else was paid (MISMATCH)",
            (order(verdict="MISMATCH", standing="", user_id=None),),
            Reason.MISMATCH,
        ),
        Rule("The same, accepted by hand", (order(verdict="ACCEPTED"),), Reason.BOUGHT),
        Rule(
            "A gift for this user: the checkout was opened for them",
            (order(),),
            Reason.BOUGHT,
        ),
        Rule(
            "A gift of this user: the checkout was opened for another one",
            (order(asked_by=OTHER, user_id=OTHER),),
            Reason.NOT_BOUGHT,
        ),
        Rule(
            "A gift for this user, REFUNDED or CHARGEBACK",
            (order("REFUNDED"), order("CHARGEBACK")),
            Reason.REVERSED,
        ),
    ],
    "Bought twice": [
        Rule("Both orders COMPLETED", (order(), order()), Reason.BOUGHT),
        Rule("One of them PENDING, PROCESSING, FAILED or CANCELLED",
             (order(), *map(waiting, ("PENDING", "PROCESSING", "FAILED", "CANCELLED"))),
             Reason.BOUGHT),
        Rule("One COMPLETED later than it is asked for",
             (order("REFUNDED"), order(created_at=day(1))), Reason.LATER, at=(NOW,)),
        Rule("One of them REFUNDED", (order("REFUNDED"), order()), Reason.BOUGHT),
        Rule("One charged back", (order(), order("CHARGEBACK")), Reason.BOUGHT),
        Rule("Both reversed", (order("REFUNDED"), order("CHARGEBACK")), Reason.REVERSED),
        Rule("REFUNDED, and bought again, PROCESSING", (order("REFUNDED"), waiting("PROCESSING")),
             Reason.NOT_PAID),
        Rule("One order, and a subscription that was cancelled at once",
             (order(), plan("CANCELLED", ends_at=day(-1))), Reason.BOUGHT),
        Rule("Two subscriptions, one of them ended",
             (plan("CANCELLED", ends_at=day(-1)), plan("ACTIVE")), Reason.SUBSCRIBED),
        Rule("Two subscriptions, both cancelled, ending on two days",
             (plan("CANCELLED", ends_at=ENDS), plan("CANCELLED", ends_at=day(9))),
             Reason.ENDS, day(9), "the later end", at=(NOW, day(6))),
    ],
    "Subscribed": [
        Rule("TRIALING", (plan("TRIALING"),), Reason.TRIAL),
        Rule("ACTIVE", (plan("ACTIVE"),), Reason.SUBSCRIBED),
        Rule("PAST_DUE: a charge failed", (plan("PAST_DUE"),), Reason.PAST_DUE),
        Rule("PAUSED", (plan("PAUSED"),), Reason.PAUSED),
        Rule("CANCELLED at the end of the period, before `endsAt`",
             (plan("CANCELLED", ends_at=ENDS),), Reason.ENDS, ENDS, "`endsAt`",
             at=(NOW, ENDS - timedelta(seconds=1))),
        Rule("The same, from `endsAt` on", (plan("CANCELLED", ends_at=ENDS),), Reason.ENDED,
             at=(ENDS, ENDS + YEAR)),
        Rule("CANCELLED at once", (plan("CANCELLED", ends_at=day(-1)),), Reason.ENDED),
        Rule("CANCELLED without `endsAt`", (plan("CANCELLED"),), Reason.ENDED),
        Rule("CANCELLED without a time when it began, before `endsAt`",
             (plan("CANCELLED", ends_at=ENDS, created_at=None),), Reason.ENDS, ENDS, "`endsAt`",
             at=(day(-11), NOW)),
        Rule("Any status, before it began",
             (*map(plan, RUNNING), plan("CANCELLED", ends_at=ENDS), plan("CANCELLED")),
             Reason.LATER, at=(day(-11),)),
        Rule("ACTIVE, at the moment it began, or less than 5 minutes before", (plan("ACTIVE"),),
             Reason.SUBSCRIBED, at=(day(-10), day(-10) - timedelta(minutes=4))),
        Rule("ACTIVE, and no time when it began", (plan("ACTIVE", created_at=None),),
             Reason.SUBSCRIBED, at=(day(-11), NOW)),
        Rule("A status that is not known", (plan("BRAND_NEW"),), Reason.UNKNOWN_STATUS),
        Rule("Any status, and gone at Pandabase",
             (*(plan(status, is_gone=True) for status in RUNNING),
              plan("CANCELLED", ends_at=ENDS, is_gone=True)), Reason.GONE),
        Rule("Any status, and its first payment reversed",
             (*(plan(status, standing="REVERSED") for status in RUNNING),
              plan("CANCELLED", ends_at=ENDS, standing="REVERSED")), Reason.REVERSED),
        Rule("ACTIVE, its first payment was charged back, and the dispute won",
             (order(is_recurring=True, has_begun=True), plan("ACTIVE")), Reason.SUBSCRIBED),
        Rule("Any status, and something else was paid (MISMATCH)",
             (order(is_recurring=True, verdict="MISMATCH", standing="", user_id=None),
              *(plan(status, verdict="MISMATCH", user_id=None) for status in RUNNING)),
             Reason.MISMATCH),
        Rule("Several pieces", (order(is_recurring=True, has_begun=True), plan("ACTIVE")),
             Reason.SUBSCRIBED),
        Rule("Paid, the subscription not known yet, in the first 7 days",
             (order(is_recurring=True, created_at=day(-1)),), Reason.BEGINS, day(6),
             "7 days after the order", at=(NOW, day(5.9))),
        Rule("The same, from the 8th day on", (order(is_recurring=True, created_at=day(-1)),),
             Reason.ENDED, at=(day(6), day(3650))),
        Rule("Paid, and the subscription has ended",
             (order(is_recurring=True, has_begun=True, created_at=day(-1)),
              plan("CANCELLED", ends_at=day(-0.5), created_at=day(-1))), Reason.ENDED),
        Rule("A renewal was paid, and nothing else is known",
             (order(is_recurring=True, verdict="RENEWAL", standing="", user_id=None),),
             Reason.NOT_BOUGHT),
        Rule("A gift for this user, ACTIVE", (plan("ACTIVE"),), Reason.SUBSCRIBED),
        Rule("Another user's, or a gift for another one, any status",
             (*(plan(status, user_id=OTHER) for status in RUNNING),
              plan("CANCELLED", user_id=OTHER, ends_at=ENDS)), Reason.NOT_BOUGHT),
    ],
    "By a customer link": [
        Rule("No link, whatever the e-mail address", (foreign(), known("ACTIVE")),
             Reason.NOT_BOUGHT),
        Rule("An order of the customer, COMPLETED", (foreign(linked_to=USER),), Reason.BOUGHT),
        Rule("The same, PENDING or PROCESSING",
             (foreign("PENDING", linked_to=USER), foreign("PROCESSING", linked_to=USER)),
             Reason.NOT_PAID),
        Rule("The same, FAILED or CANCELLED",
             (foreign("FAILED", linked_to=USER), foreign("CANCELLED", linked_to=USER)),
             Reason.NOT_BOUGHT),
        Rule("The same, REFUNDED or CHARGEBACK",
             (foreign("REFUNDED", linked_to=USER), foreign("CHARGEBACK", linked_to=USER)),
             Reason.REVERSED),
        Rule("The same, in a status that is not known", (foreign("BRAND_NEW", linked_to=USER),),
             Reason.NOT_BOUGHT),
        Rule("The same, COMPLETED, and gone at Pandabase",
             (foreign(linked_to=USER, is_gone=True),), Reason.GONE),
        Rule("The same, COMPLETED, before it was bought", (foreign(linked_to=USER),),
             Reason.LATER, at=(day(-11),)),
        Rule("A subscription of the customer, TRIALING", (known("TRIALING", linked_to=USER),),
             Reason.TRIAL),
        Rule("A subscription of the customer, ACTIVE", (known("ACTIVE", linked_to=USER),),
             Reason.SUBSCRIBED),
        Rule("The same, PAST_DUE", (known("PAST_DUE", linked_to=USER),), Reason.PAST_DUE),
        Rule("The same, PAUSED", (known("PAUSED", linked_to=USER),), Reason.PAUSED),
        Rule("The same, CANCELLED, before `endsAt`",
             (known("CANCELLED", ends_at=ENDS, linked_to=USER),), Reason.ENDS, ENDS, "`endsAt`",
             at=(NOW, ENDS - timedelta(seconds=1))),
        Rule("The same, CANCELLED at once, or from `endsAt` on",
             (known("CANCELLED", ends_at=day(-1), linked_to=USER),
              known("CANCELLED", linked_to=USER)), Reason.ENDED),
        Rule("An order for a period of a subscription, and no subscription",
             (foreign(linked_to=USER, is_recurring=True),), Reason.NOT_BOUGHT),
        Rule("What the customer bought as a guest", (order(asked_by=None, user_id=None,
             linked_to=USER),), Reason.BOUGHT),
        Rule("What the customer bought for another user of the shop",
             (order(asked_by=OTHER, user_id=OTHER, linked_to=USER),
              plan("ACTIVE", user_id=OTHER, linked_to=USER)), Reason.NOT_BOUGHT),
        Rule("The same, and that user was deleted",
             (order(asked_by=None, user_id=None, had_user=True, linked_to=USER),
              plan("ACTIVE", user_id=None, had_user=True, linked_to=USER)), Reason.NOT_BOUGHT),
        Rule("An order of the customer that is a MISMATCH",
             (order(verdict="MISMATCH", standing="", asked_by=None, user_id=None,
                    linked_to=USER),), Reason.NOT_BOUGHT),
    ],
}  # fmt: skip


def as_markdown() -> Iterator[str]:
    """The tables of the page, line by line."""
    for title, rules in RULES.items():
        yield f"### {title}"
        yield ""
        yield "| what | access | reason | until |"
        yield "|---|---|---|---|"
        for rule in rules:
            access = "yes" if rule.granted else "no"
            yield f"| {rule.case} | {access} | `{rule.reason}` | {rule.ends} |"
        yield ""
