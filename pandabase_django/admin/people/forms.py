"""The forms that ask for a person and confirm the erasure. No address is in a link or a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.services.erasures.addresses import normal_address
from pandabase_django.services.people.finding import Person

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
    """That this person, as the page showed what there is, is erased for good."""

    address = forms.CharField(widget=forms.HiddenInput)
    typed_address = forms.CharField(
        label=_("Type the address once more"),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, address: str, people: Sequence[Person], user: Any):
        super().__init__(data, user=user, shown=_state_of(address, people))
        self.fields["address"].initial = address

    def clean(self) -> dict[str, Any] | None:
        typed = normal_address(self.cleaned_data.get("typed_address", ""))
        if typed != normal_address(self.cleaned_data.get("address", "")):
            self.add_error("typed_address", _("That is another address."))
        return self.cleaned_data


def _state_of(address: str, people: Sequence[Person]) -> list[object]:
    known = salted_hmac(_SALT, normal_address(address), algorithm="sha256").hexdigest()
    rows = [(person.store.pk, sorted(person.counts.items())) for person in people]
    return ["person", known, *rows]
