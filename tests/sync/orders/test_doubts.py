"""When an answer about an order is believed: each rule, and the moment at which it ends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pandabase_django.api import schemas
from pandabase_django.services.sync.due.causes import Cause, Shown
from pandabase_django.services.sync.orders.details.doubts import (
    BEHIND,
    EARLIER,
    OLDER,
    OTHERWISE,
    RIVAL,
    Doubt,
    LocalOrder,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def ago(minutes: float = 0.0, *, seconds: float = 0.0) -> datetime:
    return NOW - timedelta(minutes=minutes, seconds=seconds)


A_WHILE_AGO = ago(60)


def answer(updated: datetime | None = A_WHILE_AGO, **fields: Any) -> schemas.Order:
    at = updated and updated.isoformat()
    data = {"id": "ord_1", "status": "COMPLETED", "amount": 5, "updatedAt": at, **fields}
    return schemas.Order.from_json(data)


AS_BEFORE = answer()


def here(**columns: Any) -> LocalOrder:
    """A row that an answer wrote 50 minutes ago."""
    usual: dict[str, Any] = {
        "status": "COMPLETED",
        "updated_at": A_WHILE_AGO,
        "detailed_at": ago(50),
        "mark": 1,
        "digest": AS_BEFORE.digest,
        "due_since": None,
        "shown": None,
        "cause": None,
        "payload": {},
    }
    return LocalOrder(**{**usual, **columns})


def shown(minutes: float = 5, *, given_up: bool = False, **order: Any) -> Shown:
    """A list showed the order so many minutes ago, with another amount unless told otherwise."""
    return Shown(order=order or {"amount": 9}, at=ago(minutes), given_up=given_up)


def cause(minutes: float = 5, **fields: Any) -> Cause:
    return Cause(seen_at=ago(minutes), **fields)


def refund(**fields: Any) -> Cause:
    return cause(event="PAYMENT_REFUNDED", **fields)


NEWER = ago(55)  # than the row, and from before a list showed the order
OLD = answer(ago(61))
OTHER = answer(amount=7)
LATER = answer(NEWER, amount=7)

Case = tuple[LocalOrder, schemas.Order, "datetime | None", "Doubt | None"]

OLDER_THAN_THE_ROW: dict[str, Case] = {
    "older": (here(), OLD, None, Doubt(OLDER)),
    "of one time": (here(), AS_BEFORE, None, None),
    "answer without a time": (here(), answer(None), None, None),
    "row without a time": (here(updated_at=None), OLD, None, None),
    "row never read whole": (here(detailed_at=None), OLD, None, Doubt(OLDER)),
    "row of an hour ago": (here(detailed_at=ago(60)), OLD, None, None),
    "row of almost an hour ago": (here(detailed_at=ago(59)), OLD, None, Doubt(OLDER)),
    "asked for earlier": (here(detailed_at=ago(61)), OLD, ago(2), Doubt(OLDER)),
}

RIVALS: dict[str, Case] = {
    "read meanwhile": (here(detailed_at=ago(1)), OTHER, ago(2), Doubt(RIVAL)),
    "read at that moment": (here(detailed_at=ago(2)), OTHER, ago(2), Doubt(RIVAL)),
    "read before": (here(detailed_at=ago(3)), OTHER, ago(2), None),
    "never read": (here(detailed_at=None), OTHER, ago(2), None),
    "nobody else asks": (here(detailed_at=ago(1)), OTHER, None, None),
    "later by its time": (here(detailed_at=ago(1)), LATER, ago(2), None),
    "without a time": (here(detailed_at=ago(1)), answer(None, amount=7), ago(2), Doubt(RIVAL)),
    "the same": (here(detailed_at=ago(1)), AS_BEFORE, ago(2), None),
}

BEHIND_A_LIST: dict[str, Case] = {
    "as before": (here(shown=shown()), AS_BEFORE, None, Doubt(BEHIND)),
    "otherwise": (here(shown=shown()), OTHER, None, Doubt(OTHERWISE)),
    "as shown": (here(shown=shown()), answer(amount=9), None, None),
    "given up": (here(shown=shown(given_up=True)), AS_BEFORE, None, None),
    "after ten minutes": (here(shown=shown(10)), AS_BEFORE, None, None),
    "within ten minutes": (here(shown=shown(9.9)), AS_BEFORE, None, Doubt(BEHIND)),
    "asked for in time": (here(shown=shown(11)), AS_BEFORE, ago(2), Doubt(BEHIND)),
    "due for an hour": (here(shown=shown(), due_since=ago(60)), AS_BEFORE, None, None),
    "due for less": (here(shown=shown(), due_since=ago(59)), AS_BEFORE, None, Doubt(BEHIND)),
    "due for less when asked for": (
        here(shown=shown(), due_since=ago(61)),
        AS_BEFORE,
        ago(2),
        Doubt(BEHIND),
    ),
    "changed since": (here(shown=shown(), payload={"amount": 3}), answer(ago(4)), None, None),
    "changed just now": (here(shown=shown(), payload={"amount": 3}), answer(NOW), None, None),
    "changed when shown": (
        here(shown=shown(), payload={"amount": 3}),
        answer(ago(5), amount=7),
        None,
        Doubt(OTHERWISE, newer=True),
    ),
    "changed in the future": (
        here(shown=shown(), payload={"amount": 3}),
        answer(ago(-1), amount=7),
        None,
        Doubt(OTHERWISE, newer=True),
    ),
    "without a time": (
        here(shown=shown()),
        answer(None, amount=7),
        None,
        Doubt(OTHERWISE),
    ),
    "a status that comes later": (here(shown=shown(status="PENDING")), OTHER, None, None),
    "a status that may come before": (
        here(shown=shown(status="PENDING")),
        answer(status="FAILED"),
        None,
        Doubt(OTHERWISE),
    ),
    "a status that comes later, of no later answer": (
        here(shown=shown(status="COMPLETED")),
        answer(status="REFUNDED"),
        None,
        Doubt(OTHERWISE),
    ),
    "a status that comes later, of a later answer": (
        here(shown=shown(status="COMPLETED"), payload={"status": "PENDING"}),
        answer(NEWER, status="REFUNDED"),
        None,
        None,
    ),
    "later than a row as shown": (here(shown=shown(), payload={"amount": 9}), LATER, None, None),
    "later than another row": (
        here(shown=shown(), payload={"amount": 3}),
        LATER,
        None,
        Doubt(OTHERWISE, newer=True),
    ),
    "later than a row without a time": (
        here(shown=shown(), updated_at=None),
        LATER,
        None,
        Doubt(OTHERWISE),
    ),
    "of an order never read whole": (
        here(shown=shown(), detailed_at=None),
        OTHER,
        None,
        Doubt(OTHERWISE, newer=True),
    ),
    "a status from before, of an order never read whole": (
        here(shown=shown(status="COMPLETED"), detailed_at=None),
        answer(status="PENDING"),
        None,
        Doubt(OTHERWISE),
    ),
}

FROM_BEFORE_ITS_CAUSE: dict[str, Case] = {
    "not as told": (here(cause=cause(order={"amount": 9})), OTHER, None, Doubt(EARLIER)),
    "later, and not as told": (
        here(cause=cause(order={"amount": 9}), payload={"amount": 3}),
        LATER,
        None,
        Doubt(EARLIER, newer=True),
    ),
    "after ten minutes": (here(cause=cause(10, order={"amount": 9})), OTHER, None, None),
    "within ten minutes": (
        here(cause=cause(9.9, order={"amount": 9})),
        OTHER,
        None,
        Doubt(EARLIER),
    ),
    "asked for in time": (
        here(cause=cause(11, order={"amount": 9})),
        OTHER,
        ago(2),
        Doubt(EARLIER),
    ),
    "listed since as answered": (
        here(cause=cause(order={"amount": 9}), shown=shown(4, amount=7)),
        OTHER,
        None,
        None,
    ),
    "listed at that moment": (
        here(cause=cause(order={"amount": 9}), shown=shown(5, amount=7)),
        OTHER,
        None,
        Doubt(EARLIER),
    ),
    "nothing is known, as before": (here(cause=cause()), AS_BEFORE, None, Doubt(EARLIER)),
    "nothing is known, otherwise": (here(cause=cause()), OTHER, None, None),
    "nothing is known, never read": (
        here(cause=cause(), detailed_at=None),
        AS_BEFORE,
        None,
        Doubt(EARLIER, newer=True),
    ),
    "read when it was seen": (here(cause=cause(), detailed_at=ago(5)), AS_BEFORE, None, None),
    "read since it was not seen": (here(cause=cause(unseen_at=ago(50))), AS_BEFORE, None, None),
    "read before it was not seen": (
        here(cause=cause(unseen_at=ago(49))),
        AS_BEFORE,
        None,
        Doubt(EARLIER),
    ),
    "a status from before the event": (
        here(cause=refund(event_at=ago(3))),
        OTHER,
        None,
        Doubt(EARLIER),
    ),
    "the status of the event": (
        here(cause=refund(event_at=ago(3))),
        answer(status="REFUNDED"),
        None,
        None,
    ),
    "an event that no status shows": (
        here(cause=cause(event="PAYMENT_CREATED")),
        AS_BEFORE,
        None,
        None,
    ),
    "dated before it": (here(cause=refund(since=ago(3))), OTHER, None, Doubt(EARLIER)),
    "dated as it": (
        here(cause=refund(since=ago(60))),
        answer(status="PENDING"),
        None,
        None,
    ),
    "dated before it, and shows it": (
        here(cause=refund(since=ago(3))),
        answer(status="REFUNDED"),
        None,
        None,
    ),
    "dated before it, and another status": (
        here(cause=refund(since=ago(3)), status="PENDING"),
        OTHER,
        None,
        Doubt(EARLIER),
    ),
    "dated five seconds before a second refund": (
        here(cause=refund(since=ago(3)), status="REFUNDED"),
        answer(ago(3, seconds=5), status="REFUNDED"),
        None,
        None,
    ),
    "dated six seconds before a second refund": (
        here(cause=refund(since=ago(3)), status="REFUNDED"),
        answer(ago(3, seconds=6), status="REFUNDED"),
        None,
        Doubt(EARLIER, newer=True),
    ),
    "dated after it": (
        here(cause=cause(event="PAYMENT_DISPUTE_LOST", since=ago(61), event_at=ago(61))),
        AS_BEFORE,
        None,
        None,
    ),
    "dated after an unknown time": (
        here(cause=cause(event="PAYMENT_DISPUTE_LOST", since=ago(61)), status="CHARGEBACK"),
        AS_BEFORE,
        None,
        Doubt(EARLIER),
    ),
    "without a time": (
        here(cause=refund(since=ago(3)), digest=answer(None).digest),
        answer(None),
        None,
        Doubt(EARLIER),
    ),
    "without a time, and shows it": (
        here(cause=refund(since=ago(3)), digest=answer(None, status="REFUNDED").digest),
        answer(None, status="REFUNDED"),
        None,
        None,
    ),
}

CASES = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("older", OLDER_THAN_THE_ROW),
        ("rival", RIVALS),
        ("behind", BEHIND_A_LIST),
        ("earlier", FROM_BEFORE_ITS_CAUSE),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_doubted_for_a_reason_and_for_a_time(name: str) -> None:
    row, given, asked_at, expected = CASES[name]
    assert row.doubt(given, asked_at=asked_at, now=NOW) == expected


VAGUE = cause()
EVENT = cause(event="PAYMENT_REFUNDED")
DATED = cause(since=ago(30))


@pytest.mark.parametrize(
    ("new", "kept", "outweighs"),
    [
        (VAGUE, None, True),
        (VAGUE, VAGUE, True),
        (VAGUE, EVENT, False),
        (VAGUE, DATED, False),
        (EVENT, VAGUE, True),
        (EVENT, EVENT, True),
        (EVENT, DATED, True),
        (DATED, VAGUE, True),
        (DATED, EVENT, True),
        (DATED, DATED, True),
        (cause(since=ago(29)), DATED, True),
        (cause(since=ago(31)), DATED, False),
        # What nobody waits for any more gives way.
        (VAGUE, cause(15, since=ago(30)), True),
        (VAGUE, cause(14.9, since=ago(30)), False),
    ],
)
def test_of_two_causes_the_one_that_says_more_or_is_later_is_kept(
    new: Cause, kept: Cause | None, outweighs: bool
) -> None:
    assert new.outweighs(kept) is outweighs
