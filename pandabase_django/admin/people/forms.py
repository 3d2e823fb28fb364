"""The forms that ask for a person and confirm the erasure. No address is in a link or a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.models import Erasure, Store
from pandabase_django.services.erasures.addresses import normal_address

__all__ = ["EraseForm", "PersonForm"]

_SALT = "pandabase.person"


def _checked(address: str) -> str:
    if not normal_address(address):
        raise ValidationError(_("That is no e-mail address."))
    return address


class PersonForm(forms.Form):
    """Whose data is meant."""

    address = forms.CharField(
        label=_("E-mail address"),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_address(self) -> str:
        return _checked(self.cleaned_data["address"])


class EraseForm(ConfirmedForm):
    """That this person is erased for good from these stores."""

    address = forms.CharField(widget=forms.HiddenInput)
    typed_address = forms.CharField(
        label=_("Type the address once more"),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, address: str, stores: Sequence[Store], user: Any):
        super().__init__(data, user=user, shown=_state_of(address, stores))
        self.fields["address"].initial = address

    def clean(self) -> dict[str, Any] | None:
        # One that is missing has its own message.
        typed = self.cleaned_data.get("typed_address")
        meant = normal_address(self.cleaned_data.get("address", ""))
        if typed is not None and normal_address(typed) != meant:
            self.add_error("typed_address", _("That is another address."))
        return self.cleaned_data


def _state_of(address: str, stores: Sequence[Store]) -> list[object]:
    """What makes a form spent: other stores, or the next erasure in these, whoever it is of."""
    known = salted_hmac(_SALT, normal_address(address), algorithm="sha256").hexdigest()
    rows = Erasure.objects.filter(store__in=stores).order_by("-pk")
    newest = rows.values_list("pk", flat=True).first()
    return ["person", known, newest, *sorted(store.pk for store in stores)]
