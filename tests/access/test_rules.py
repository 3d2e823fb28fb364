"""Every row of the table, whoever else bought something, and in whatever order rows come."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pandabase_django.access import Access, Reason
from pandabase_django.services.access.rules import Bought, Subscribed, judge
from tests.access.table import NOW, OTHER, RULES, USER, Rule, as_markdown, day

ALL = [rule for rules in RULES.values() for rule in rules]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
# What somebody else has, which is never the user's.
OTHERS = (
    Bought("COMPLETED", verdict="MATCHED", standing="IN_FORCE", asked_by=OTHER, user_id=OTHER),
    Bought("COMPLETED", linked_to=OTHER),
    Bought("COMPLETED"),
)


@pytest.mark.fact(27, 48)
@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.case)
def test_a_row_of_the_table(rule: Rule) -> None:
    expected = Access(rule.granted, rule.reason, rule.until)
    for at in rule.at:
        for rows in itertools.permutations(rule.rows):
            bought = [row for row in rows if isinstance(row, Bought)]
            subscribed = [row for row in rows if isinstance(row, Subscribed)]
            assert judge(USER, bought=bought, subscribed=subscribed, at=at) == expected
            beside = [*OTHERS, *bought]
            assert judge(USER, bought=beside, subscribed=subscribed, at=at) == expected


def test_the_page_shows_this_table() -> None:
    assert "\n".join(as_markdown()).strip() in PAGE.read_text(encoding="utf-8")


def test_each_reason_has_a_row() -> None:
    of_users = {Reason.NOT_SIGNED_IN, Reason.INACTIVE}
    assert {rule.reason for rule in ALL} == set(Reason) - of_users


@pytest.mark.parametrize("status", ["TRIALING", "ACTIVE", "PAST_DUE", "PAUSED"])
def test_a_purchase_for_good_outlives_a_subscription_that_ends(status: str) -> None:
    """The longest answer counts; of two without an end, that of the purchase."""
    bought = Bought("COMPLETED", verdict="MATCHED", standing="IN_FORCE", user_id=USER)
    ending = Subscribed("CANCELLED", ends_at=day(1), verdict="", linked_to=USER)
    running = Subscribed(status, linked_to=USER)
    assert judge(USER, subscribed=[ending, running], at=NOW).until is None
    assert judge(USER, bought=[bought], subscribed=[ending, running], at=NOW) == Access(
        True, Reason.BOUGHT
    )
