"""Every status with every date and every case: granted exactly when all conditions hold."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from pandabase_django.services.access.rules import Bought, Subscribed, judge
from tests.access.table import NOW, OTHER, RUNNING, USER, day

DATES = (None, day(-8), NOW, day(1))
# Whose it is: the user of the session, and the one that the customer is linked to.
OWNERS = ((USER, None), (OTHER, USER), (None, USER), (None, OTHER), (None, None))
VERDICTS = ("", "MATCHED", "ACCEPTED", "WAITING", "MISMATCH", "RENEWAL")
ORDERS = ("PENDING", "PROCESSING", "FAILED", "CANCELLED", "COMPLETED", "REFUNDED", "CHARGEBACK")
STANDINGS = ("", "IN_FORCE", "REVERSED")
SUBSCRIPTIONS = (*RUNNING, "CANCELLED", "BRAND_NEW")


def is_theirs(user: int | None, linked: int | None) -> bool:
    return user == USER or (user is None and linked == USER)


def has_begun(created_at: datetime | None) -> bool:
    return created_at is None or created_at <= NOW


@pytest.mark.fact(48)
@pytest.mark.parametrize("status", SUBSCRIPTIONS)
def test_a_subscription(status: str) -> None:
    cases = itertools.product(DATES, DATES, (False, True), VERDICTS, STANDINGS, OWNERS)
    for began, ends, is_gone, verdict, standing, (user, linked) in cases:
        row = Subscribed(
            status,
            is_gone=is_gone,
            created_at=began,
            ends_at=ends,
            verdict=verdict,
            standing=standing,
            user_id=user,
            linked_to=linked,
        )
        paid = not verdict or (verdict in ("MATCHED", "ACCEPTED") and standing == "IN_FORCE")
        is_over = ends is None or ends <= NOW
        lasts = status in RUNNING or (status == "CANCELLED" and not is_over)
        expected = lasts and paid and has_begun(began) and not is_gone and is_theirs(user, linked)
        found = judge(USER, subscribed=[row], at=NOW)
        assert found.granted is expected, row
        assert found.until == (ends if expected and status == "CANCELLED" else None), row


@pytest.mark.fact(27)
@pytest.mark.parametrize("status", ORDERS)
def test_an_order(status: str) -> None:
    kinds = ((False, False), (True, False), (True, True))
    cases = itertools.product(
        DATES, (False, True), VERDICTS, STANDINGS, OWNERS, (None, 0, 1, 7), kinds
    )
    for began, is_gone, verdict, standing, (user, linked), pieces, (recurring, known) in cases:
        row = Bought(
            status,
            is_gone=is_gone,
            created_at=began,
            quantity=pieces,
            is_recurring=recurring,
            verdict=verdict,
            standing=standing,
            asked_by=user,
            user_id=user,
            linked_to=linked,
            has_begun=known,
        )
        reversed_ = status in ("REFUNDED", "CHARGEBACK")
        if verdict:
            paid = verdict in ("MATCHED", "ACCEPTED") and standing == "IN_FORCE" and not reversed_
            theirs = is_theirs(user, linked)
            # Until the subscription is known, for seven days.
            waits = recurring and not known and began is not None and began > day(-7)
            lasts = waits or not recurring
        else:
            paid, theirs, lasts = status == "COMPLETED", linked == USER, not recurring
        expected = paid and theirs and lasts and has_begun(began) and not is_gone and pieces != 0
        assert judge(USER, bought=[row], at=NOW).granted is expected, row
