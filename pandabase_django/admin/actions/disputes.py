"""What can be done to a dispute: answer it, in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pandabase_django.admin.actions.forms import EvidenceForm
from pandabase_django.admin.actions.pages import ActionPage, Fact
from pandabase_django.admin.base.display import EMPTY, badge, moment, money
from pandabase_django.models import Dispute
from pandabase_django.services.actions.subjects.deadlines import evidence_due_at
from pandabase_django.services.actions.subjects.disputes import EVIDENCE, submit_evidence

__all__ = ["DISPUTE_ACTIONS", "due_text"]


def due_text(dispute: Dispute) -> Any:
    """Until when a dispute can or could be answered; a dash when it waits for no answer."""
    due = evidence_due_at(dispute)
    if due is None or dispute.gone_at is not None or dispute.status != "AWAITING_REVIEW":
        return EMPTY
    left = due - timezone.now()
    if left.total_seconds() <= 0:
        return format_html("{} {}", badge(_("ended"), tone="bad"), moment(due))
    tone = "bad" if left.days < 2 else "warn"
    words = _("%(time)s left") % {"time": timeuntil(due, depth=1)}
    return format_html("{} {}", badge(words, tone=tone), moment(due))


def _facts(dispute: Dispute) -> Sequence[Fact]:
    order = dispute.order
    return [
        (_("Evidence until"), due_text(dispute)),
        (_("Order"), (order.order_number or order.pk) if order else dispute.order_id or EMPTY),
        (_("Why the bank asks"), dispute.reason or EMPTY),
        (_("Amount"), money(dispute.amount_minor, dispute.currency)),
        (_("Fee"), money(dispute.fee_minor, dispute.currency)),
        (_("Opened"), moment(dispute.created_at)),
    ]


def _consequences(dispute: Dispute) -> Sequence[str]:
    return [
        _("The text goes to the bank, with what Pandabase knows of the customer."),
        _("It can be sent once, and not be changed afterwards."),
        _("Then the dispute is under review; whoever wins it, a webhook and the sync show it."),
        _("It is kept here until it has arrived, and not longer."),
    ]


DISPUTE_ACTIONS = (
    ActionPage(
        name="evidence",
        kind=EVIDENCE,
        label=gettext_lazy("Submit evidence…"),
        submit_label=gettext_lazy("Submit the evidence"),
        ask=submit_evidence,
        form=EvidenceForm,
        facts=_facts,
        consequences=_consequences,
    ),
)
