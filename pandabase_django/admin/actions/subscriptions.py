"""What can be done to a subscription."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pandabase_django.admin.actions.forms import CancelForm, ChangePlanForm
from pandabase_django.admin.actions.pages import ActionPage, Fact
from pandabase_django.admin.base.display import EMPTY, moment, money
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import Subscription, UsageRecord
from pandabase_django.services.actions.subjects.plans import (
    CHANGE_PLAN,
    change_plan,
    upcoming_invoice,
)
from pandabase_django.services.actions.subjects.subscriptions import (
    CANCEL,
    PAUSE,
    REACTIVATE,
    RESUME,
    cancel_subscription,
    pause_subscription,
    reactivate_subscription,
    resume_subscription,
)
from pandabase_django.texts.amounts import money_text
from pandabase_django.texts.intervals import interval_text

__all__ = ["SUBSCRIPTION_ACTIONS"]


def _facts(row: Subscription) -> Sequence[Fact]:
    customer, product = row.customer, row.product
    return [
        (_("Customer"), (customer.email if customer else row.customer_id) or EMPTY),
        (_("Product"), (product.title if product else row.product_id) or EMPTY),
        (_("Amount"), money(row.amount_minor, row.currency)),
        (_("Interval"), interval_text(row.billing_interval) or EMPTY),
        (_("Quantity"), EMPTY if row.quantity is None else row.quantity),
        (_("Status"), row.status or EMPTY),
        (_("Period ends"), moment(row.current_period_end)),
        (_("Next charge"), moment(row.next_charge_at)),
    ]


def _invoice(row: Subscription) -> dict[str, Any]:
    """What the next renewal charges, asked now; or why that is not known."""
    try:
        invoice = upcoming_invoice(row)
    except (PandabaseError, ConfigurationError) as error:
        return {"invoice": None, "invoice_problem": str(error)}
    currency = invoice.currency or row.currency
    return {
        "invoice": [
            (_("Plan"), money(invoice.base_minor, currency)),
            (_("Open usage"), money(invoice.usage_minor, currency)),
            (_("Tax"), money(invoice.tax_minor, currency)),
            (_("Total"), money(invoice.total_minor, currency)),
            (_("Charged at"), moment(invoice.next_charge_at)),
        ],
        "lost_usage": money_text(invoice.usage_minor, currency) if invoice.usage_minor else "",
    }


def _cancel_invoice(row: Subscription) -> dict[str, Any]:
    shown = _invoice(row)
    return {**shown, "usage_is_lost": bool(shown.get("lost_usage"))}


def _cancel_consequences(row: Subscription) -> Sequence[str]:
    said = [
        _("At the end of the period: access lasts until then, and it can be taken back."),
        _("At once: access ends now, nothing is paid back, and open usage is not billed."),
    ]
    if UsageRecord.objects.unsettled().filter(subscription=row.pk, store=row.store_id).exists():
        said.append(
            _(
                "Some of its usage waits here. After a cancellation at once, Pandabase takes none "
                "of it."
            )
        )
    return said


def _pause_consequences(row: Subscription) -> Sequence[str]:
    return [
        _("Nothing is charged until it is resumed."),
        _("The customer keeps access while it is paused."),
    ]


def _resume_consequences(row: Subscription) -> Sequence[str]:
    return [_("It is charged again, from the next charge on.")]


def _reactivate_consequences(row: Subscription) -> Sequence[str]:
    return [_("The cancellation is taken back: it is charged again when the period ends.")]


def _change_consequences(row: Subscription) -> Sequence[str]:
    return [
        _("What costs more is charged at once, in proportion to what is left of the period."),
        _("What costs less, and what is asked for with the next renewal, waits for it."),
    ]


SUBSCRIPTION_ACTIONS = (
    ActionPage(
        name="change_plan",
        kind=CHANGE_PLAN,
        label=gettext_lazy("Change plan…"),
        submit_label=gettext_lazy("Change the plan"),
        ask=change_plan,
        form=ChangePlanForm,
        facts=_facts,
        consequences=_change_consequences,
        preview=_invoice,
        preview_label=gettext_lazy("Show the next invoice"),
    ),
    ActionPage(
        name="pause",
        kind=PAUSE,
        label=gettext_lazy("Pause…"),
        submit_label=gettext_lazy("Pause it"),
        ask=pause_subscription,
        facts=_facts,
        consequences=_pause_consequences,
    ),
    ActionPage(
        name="resume",
        kind=RESUME,
        label=gettext_lazy("Resume…"),
        submit_label=gettext_lazy("Resume it"),
        ask=resume_subscription,
        facts=_facts,
        consequences=_resume_consequences,
    ),
    ActionPage(
        name="reactivate",
        kind=REACTIVATE,
        label=gettext_lazy("Reactivate…"),
        submit_label=gettext_lazy("Take the cancellation back"),
        ask=reactivate_subscription,
        facts=_facts,
        consequences=_reactivate_consequences,
    ),
    ActionPage(
        name="cancel",
        kind=CANCEL,
        label=gettext_lazy("Cancel…"),
        submit_label=gettext_lazy("Cancel the subscription"),
        ask=cancel_subscription,
        form=CancelForm,
        facts=_facts,
        consequences=_cancel_consequences,
        preview=_cancel_invoice,
        preview_label=gettext_lazy("Show what is not billed yet"),
    ),
)
