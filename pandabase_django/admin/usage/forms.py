"""The forms that correct or drop a usage record, each good once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.models import UsageRecord
from pandabase_django.models.usage import MAX_QUANTITY

__all__ = ["CorrectForm", "DropForm"]


class _UsageForm(ConfirmedForm):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("The history keeps it for good.")
    )

    def __init__(self, data: Any = None, *, record: UsageRecord, user: Any) -> None:
        shown = UsageRecord.objects.filter(pk=record.pk)
        columns = shown.values_list("state", "event", "quantity", "at", "attempts").first()
        super().__init__(data, user=user, shown=["usage", record.pk, *(columns or ())])


class DropForm(_UsageForm):
    """Why it is never billed."""


class CorrectForm(_UsageForm):
    """What it should have said. The time is now, so that the current period is billed."""

    event = forms.CharField(
        label=_("Event"),
        max_length=64,
        validators=[RegexValidator(r"^[A-Za-z0-9_.\-]+\Z")],
        help_text=_("Name of the meter that counts it."),
    )
    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=MAX_QUANTITY)
    at = forms.SplitDateTimeField(
        label=_("Used"),
        widget=AdminSplitDateTime,
        help_text=_("Must lie in the current period of the subscription, which is billed."),
    )

    def __init__(self, data: Any = None, *, record: UsageRecord, user: Any) -> None:
        super().__init__(data, record=record, user=user)
        self.fields["event"].initial = record.event
        self.fields["quantity"].initial = record.quantity
        self.fields["at"].initial = timezone.now().replace(microsecond=0)
        self.order_fields(["event", "quantity", "at", "reason", "nonce"])
