"""No order counts for a session that it did not pay for, and each that did counts."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta

import pytest

from pandabase_django.services.purchases.judgement import CODES, judge
from tests.purchases.generated import ATTACKS, NOW, attacks_on, honest

SEEDS = int(os.environ.get("PANDABASE_SOAK_SEEDS", "0")) or 1500


def codes(judgement: object) -> set[str]:
    return {difference.code for difference in judgement.differences}  # type: ignore[attr-defined]


@pytest.mark.fact(37, 38, 40)
def test_every_true_purchase_is_matched() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(SEEDS):
        case = honest(seed)
        judgement = judge(**case.arguments())
        assert (judgement.verdict, judgement.differences) == ("MATCHED", ()), (seed, judgement)
        kinds.update(case.notes)
    expected = {
        "tax inclusive", "tax exclusive", "amount without the tax in it", "local currency",
        "zero total", "discount by its code alone", "by number alone", "by reference alone",
        "answer lost, by reference", "expired session", "pay what you want",
    }  # fmt: skip
    assert kinds.keys() == expected
    assert min(kinds.values()) >= SEEDS // 100, kinds


@pytest.mark.fact(36, 38, 39)
def test_no_attack_is_matched_and_each_is_found_by_its_rule() -> None:
    counted: Counter[str] = Counter()
    rules = set()
    for seed in range(SEEDS // 3):
        for name, (case, code) in attacks_on(seed).items():
            judgement = judge(**case.arguments())
            assert judgement.verdict == "MISMATCH", (name, seed, judgement)
            assert code in codes(judgement), (name, seed, judgement)
            counted[name] += 1
            rules.add(code)
    assert counted.keys() == ATTACKS.keys()
    assert min(counted.values()) >= SEEDS // 60, counted
    assert rules == set(CODES)


def test_what_is_not_told_yet_is_waited_for() -> None:
    for seed in range(50):
        case = honest(seed)
        case.order["status"] = ("PENDING", "PROCESSING", "FAILED", "CANCELLED", "NEW")[seed % 5]
        assert judge(**case.arguments()).verdict == "WAITING"
        unknown = honest(seed)
        unknown.lines = None
        assert judge(**unknown.arguments()).verdict == "WAITING"
        for name in ("quantity", "price_minor"):
            unknown = honest(seed)
            assert unknown.lines is not None
            unknown.lines[0][name] = None
            assert judge(**unknown.arguments()).verdict == "WAITING"
        unknown = honest(seed)
        unknown.order["currency"] = ""
        assert judge(**unknown.arguments()).verdict == "WAITING"


def test_sums_that_are_not_told_are_waited_for_unless_nothing_was_due() -> None:
    verdicts = Counter()
    for seed in range(200):
        case = honest(seed)
        if case.order["discount_minor"] is None:
            continue
        case.order |= {"total_minor": None, "amount_minor": None}
        verdict = judge(**case.arguments()).verdict
        assert verdict == ("MATCHED" if "zero total" in case.notes else "WAITING")
        verdicts[verdict] += 1
    assert min(verdicts.values()) > 10


def test_a_stranger_is_named_before_he_has_paid() -> None:
    case = honest(2)
    stranger = {"by_number": None, "by_reference": case.session}
    case.session.session_id = "cs_2"
    case.order |= {"order_number": "cs_other", "status": "PENDING"}
    judgement = judge(**{**case.arguments(), **stranger})
    assert (judgement.verdict, codes(judgement)) == ("WAITING", {"other_number"})


def test_a_subscription_is_paid_for_again_when_its_session_has_long_ended() -> None:
    for seed in range(20):
        case = honest(seed)
        case.paid_by = "ord_first"
        case.session.items[0]["subscription"] = True
        case.session.expires_at = NOW + timedelta(hours=1)
        assert codes(judge(**case.arguments())) == {"already_paid"}
        case.session.expires_at = NOW - timedelta(days=30)
        assert judge(**case.arguments()).verdict == "RENEWAL"
        case.session.items[0]["subscription"] = False
        assert codes(judge(**case.arguments())) == {"already_paid"}


def test_an_order_that_names_no_session_is_not_judged() -> None:
    case = honest(1)
    with pytest.raises(ValueError, match="names no session"):
        judge(**{**case.arguments(), "by_number": None, "by_reference": None})
