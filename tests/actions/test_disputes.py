"""Evidence: once, in time, written by a person or by the shop's code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.actions import evidence_for
from pandabase_django.exceptions import ActionRefused
from pandabase_django.models import Dispute
from pandabase_django.services.actions.subjects.evidence import compose_evidence
from tests.actions.conftest import LOG, REASON, Shop, settled

pytestmark = pytest.mark.django_db


def code_of(dispute: Dispute, text: str | None = LOG) -> str:
    with pytest.raises(ActionRefused) as caught:
        actions.submit_evidence(dispute, text, reason=REASON)
    return caught.value.code


@pytest.mark.fact(47)
def test_evidence_is_submitted_once_and_in_time(shop: Shop) -> None:
    dispute = shop.dispute()
    assert actions.awaits_evidence(dispute)
    assert dispute.created_at is not None
    assert actions.evidence_due_at(dispute) == dispute.created_at + timedelta(days=7)
    assert (code_of(dispute, ""), code_of(dispute, "x" * 20_001)) == ("length", "length")
    Dispute.objects.filter(pk=dispute.pk).update(created_at=timezone.now() - timedelta(days=8.1))
    assert code_of(dispute) == "too_late"
    Dispute.objects.filter(pk=dispute.pk).update(created_at=timezone.now())
    action = settled(actions.submit_evidence(dispute, "ä" * 20_000, reason=REASON))
    assert (action.state, action.http_status) == ("DONE", 200)
    dispute.refresh_from_db()
    assert (dispute.status, actions.awaits_evidence(dispute)) == ("UNDER_REVIEW", False)
    assert shop.remote("disputes", dispute.pk)["evidence"] == {"access_activity_log": "ä" * 20_000}
    assert code_of(dispute) == "status"
    Dispute.objects.filter(pk=dispute.pk).update(status="AWAITING_REVIEW")
    assert code_of(dispute) == "answered"


def test_the_remote_keeps_the_seven_days_too(shop: Shop) -> None:
    shop.sandbox.set(evidence_days=7)
    try:
        dispute = shop.dispute()
        fields = {"createdAt": "2020-01-01T00:00:00.000Z"}
        shop.sandbox.change([{"op": "edit_dispute", "id": dispute.pk, "fields": fields}])
        action = settled(actions.submit_evidence(dispute, LOG, reason=REASON))
        assert action.state == "REFUSED"
    finally:
        shop.sandbox.set(evidence_days=0)


def test_the_text_is_kept_until_it_has_arrived_and_not_longer(shop: Shop) -> None:
    dispute = shop.dispute()
    action = actions.submit_evidence(dispute, LOG, reason=REASON)
    assert action.parameters == {"access_activity_log": LOG}
    action = settled(action)
    assert action.parameters == {"access_activity_log_characters": len(LOG)}
    other = shop.attempt("evidence")
    refused = other.ask()
    rule = {"action": "status", "args": {"status": 403}}
    shop.sandbox.fault([{"match": {"path_regex": other.path}, **rule}])
    assert settled(refused).parameters == {"access_activity_log": LOG}


def test_another_s_evidence_is_not_taken_for_ours(shop: Shop) -> None:
    this = shop.attempt("evidence")
    action = this.ask()
    fields = {"status": "UNDER_REVIEW", "evidence": {"access_activity_log": "Something else"}}
    change = {"op": "edit_dispute", "id": this.row.pk, "fields": fields}
    shop.sandbox.fault(
        [{"match": {"path_regex": this.path}, "action": "reset", "changes": [change]}]
    )
    action = settled(action)
    assert (action.state, action.settled_by) == ("REFUSED", "READING")
    assert action.outcome.startswith("Other evidence was submitted before.")


def test_a_review_that_shows_no_text_is_not_taken_for_ours(shop: Shop) -> None:
    this = shop.attempt("evidence")
    action = this.ask()
    change = {"op": "edit_dispute", "id": this.row.pk, "fields": {"status": "UNDER_REVIEW"}}
    shop.sandbox.fault(
        [{"match": {"path_regex": this.path}, "action": "reset", "changes": [change]}]
    )
    action = settled(action)
    assert (action.state, action.is_open, action.settled_by) == ("UNKNOWN", False, "TIME")
    assert action.parameters == {"access_activity_log": LOG}  # for whoever has to submit it


def test_the_shop_s_code_writes_the_text(shop: Shop) -> None:
    @evidence_for()
    def signed_in(dispute: Dispute) -> str:
        return f"{dispute.order_id} signed in "

    @evidence_for("course")
    def lessons(dispute: Dispute) -> str:
        raise AssertionError("its order is of no checkout of this shop")

    @evidence_for()
    def nothing(dispute: Dispute) -> str:
        return ""

    dispute = shop.dispute()
    assert compose_evidence(dispute) == f"{dispute.order_id} signed in"
    action = settled(actions.submit_evidence(dispute, reason=REASON))
    assert action.state == "DONE"
    sent = shop.remote("disputes", dispute.pk)["evidence"]["access_activity_log"]
    assert sent == f"{dispute.order_id} signed in"


def test_without_such_code_there_is_nothing_to_send(shop: Shop) -> None:
    assert code_of(shop.dispute(), None) == "length"


def test_what_is_no_writer_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="Call the decorator"):
        evidence_for(lambda dispute: "")  # type: ignore[arg-type]

    async def later(dispute: Dispute) -> str:
        return ""

    with pytest.raises(TypeError, match="async"):
        evidence_for()(later)  # type: ignore[type-var]

    def make() -> Any:
        @evidence_for()
        def twice(dispute: Dispute) -> str:
            return ""

        return twice

    make()
    with pytest.raises(ValueError, match="already"):
        make()
