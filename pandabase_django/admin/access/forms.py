"""The forms that link a customer, and take a link back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.models import Customer, CustomerLink

__all__ = ["LinkForm", "UnlinkForm"]


class LinkForm(ConfirmedForm):
    """Which user a customer is, and why."""

    name = forms.CharField(
        label=_("User name"),
        max_length=254,
        help_text=_("The whole name that the user signs in with."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The history keeps it for good. Such as: showed the invoice by phone."),
    )

    def __init__(self, data: Any = None, *, customer: Customer, user: Any) -> None:
        links = CustomerLink.objects.filter(customer=customer, store=customer.store_id)
        newest = links.order_by("-pk").values_list("pk", "ended_at").first() or ()
        super().__init__(data, user=user, shown=["customer", customer.pk, *newest])

    def clean_name(self) -> Any:
        """The user of this name."""
        model: Any = get_user_model()
        try:
            return model._default_manager.get_by_natural_key(self.cleaned_data["name"])
        except model.DoesNotExist:
            raise forms.ValidationError(gettext("There is no user of this name.")) from None


class UnlinkForm(ConfirmedForm):
    """Why a link is taken back."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The history keeps it for good. Such as: it was another person."),
    )

    def __init__(self, data: Any = None, *, link: CustomerLink, user: Any) -> None:
        rows = CustomerLink.objects.filter(pk=link.pk)
        state = rows.values_list("user", "ended_at").first() or ()
        super().__init__(data, user=user, shown=["link", link.pk, *state])
