"""Evidence in a dispute: once, within seven days of its opening (Source: P-47)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from pandabase_django.api.client import Client
from pandabase_django.models import Dispute, RemoteAction
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Kind, Reading, Shown, refused
from pandabase_django.services.actions.subjects.deadlines import awaits_evidence, evidence_due_at
from pandabase_django.services.actions.subjects.evidence import compose_evidence
from pandabase_django.services.sync.money.lists import DISPUTES
from pandabase_django.services.sync.single import fetch_row
from pandabase_django.texts.times import day_text

__all__ = ["EVIDENCE", "LOG", "MAX_EVIDENCE_CHARACTERS", "one_kind_of_breaks", "submit_evidence"]

MAX_EVIDENCE_CHARACTERS = 20_000
LOG = "access_activity_log"


def submit_evidence(
    dispute: Dispute, text: str | None = None, *, reason: str, by: Any = None
) -> RemoteAction:
    """Answer a dispute. It can be done once, and within seven days of its opening.

    Args:
        dispute: The dispute.
        text: What the customer did with what was bought, at most 20,000 characters; None for what
            the functions of ``evidence_for`` write. It is kept here until it has arrived.
        reason: Why, in the shop's words; it stays here.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: It can't be answered, by what is known here; ``code`` says why.
        ActionInProgress: What became of an earlier answer is not known yet.
        Exception: Whatever a function of ``evidence_for`` raises.
    """
    said = compose_evidence(dispute) if text is None else text
    return ask(
        EVIDENCE, dispute, reason=reason, by=by, parameters={LOG: one_kind_of_breaks(said).strip()}
    )


def one_kind_of_breaks(text: str) -> str:
    """The text with breaks of one character, as it is counted: browsers send two."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check(dispute: Dispute, parameters: Mapping[str, Any], now: datetime) -> None:
    if dispute.status != "AWAITING_REVIEW":
        text = _("This dispute awaits no evidence: it is %(status)s.")
        raise refused("status", text % {"status": dispute.status or "?"})
    if dispute.payload.get("evidence"):
        raise refused("answered", _("Evidence was submitted already. It can be done once."))
    if not awaits_evidence(dispute, now=now):
        due = evidence_due_at(dispute)
        text = _("The seven days for evidence ended on %(day)s.")
        raise refused("too_late", text % {"day": day_text(due)})
    said = parameters.get(LOG)
    if said is not None and not 0 < len(said) <= MAX_EVIDENCE_CHARACTERS:
        text = _("Evidence has 1 to %(most)d characters; this has %(number)d.")
        numbers = {"most": MAX_EVIDENCE_CHARACTERS, "number": len(said)}
        raise refused("length", text % numbers)


def _look(client: Client, action: RemoteAction) -> Reading:
    found = client.disputes.get(action.object_id)
    evidence = found.payload.get("evidence")
    if isinstance(evidence, dict) and LOG in evidence:
        if one_kind_of_breaks(str(evidence[LOG])).strip() == action.parameters.get(LOG):
            return Reading(Shown.DONE)
        return Reading(Shown.NEVER, words=_("Other evidence was submitted before."))
    if evidence or found.status != "AWAITING_REVIEW":
        # Somebody may have submitted other evidence in the dashboard.
        return Reading(Shown.UNCLEAR)
    return Reading(Shown.NOT_YET)


def _read_rows(action: RemoteAction) -> bool:
    fetch_row(action.store, DISPUTES, action.object_id, user_id=action.asked_by_id)
    rows = Dispute.objects.filter(pk=action.object_id, store=action.store_id)
    return not rows.filter(status="AWAITING_REVIEW").exists()


EVIDENCE = Kind(
    what=RemoteAction.What.EVIDENCE,
    model=Dispute,
    permission="pandabase.answer_dispute",
    operation="dispute_evidence_submit",
    id_name="dispute_id",
    check=_check,
    body=lambda parameters: {LOG: parameters[LOG]},
    look=_look,
    read_rows=_read_rows,
)
