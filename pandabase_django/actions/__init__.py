"""Acting after a sale: refunds, evidence in disputes, changes of subscriptions.

::

    from pandabase_django.actions import ActionError, refund

    try:
        action = refund(order, reason="The course was cancelled.", by=request.user)
    except ActionError as error:
        messages.error(request, str(error))

The action is a row that is written in the caller's transaction; a worker sends it after the
commit, once. What became of it is in ``action.state``, and comes to ``signals.action_settled``.
``perform(action)`` does it at once, where no worker runs.
"""

from __future__ import annotations

from pandabase_django.exceptions import ActionError, ActionInProgress, ActionRefused
from pandabase_django.services.actions.running import perform
from pandabase_django.services.actions.subjects.deadlines import (
    awaits_evidence,
    evidence_due_at,
    refundable_until,
)
from pandabase_django.services.actions.subjects.disputes import submit_evidence
from pandabase_django.services.actions.subjects.evidence import evidence_for
from pandabase_django.services.actions.subjects.fulfilment import retry_fulfilment
from pandabase_django.services.actions.subjects.plans import change_plan, upcoming_invoice
from pandabase_django.services.actions.subjects.refunds import RefundCode, refund
from pandabase_django.services.actions.subjects.subscriptions import (
    cancel_subscription,
    pause_subscription,
    reactivate_subscription,
    resume_subscription,
)

__all__ = [
    "ActionError",
    "ActionInProgress",
    "ActionRefused",
    "RefundCode",
    "awaits_evidence",
    "cancel_subscription",
    "change_plan",
    "evidence_due_at",
    "evidence_for",
    "pause_subscription",
    "perform",
    "reactivate_subscription",
    "refund",
    "refundable_until",
    "resume_subscription",
    "retry_fulfilment",
    "submit_evidence",
    "upcoming_invoice",
]
