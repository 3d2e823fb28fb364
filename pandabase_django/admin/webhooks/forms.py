"""The forms of the endpoint pages. A signing secret goes in and is never shown again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.tokens.forms import SecretField, SecretFormMixin
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.models import WebhookEndpoint
from pandabase_django.services.webhooks.secrets import check_secret

if TYPE_CHECKING:
    _EndpointForm = forms.ModelForm[WebhookEndpoint]
else:
    _EndpointForm = forms.ModelForm

__all__ = ["DeleteForm", "EndpointForm", "RegisterForm", "StrayForm"]


class EndpointForm(SecretFormMixin, _EndpointForm):
    """An endpoint as people set it; what Pandabase has of it is changed by buttons.

    Attributes:
        may_register: Whether this person may register an endpoint; the admin sets it. Who may not
            sets no secret either: with one that they know they could sign deliveries.
    """

    may_register: Callable[[WebhookEndpoint], bool]

    event_types = forms.MultipleChoiceField(
        label=_("Event types"),
        choices=[(name, name) for name in EVENT_TYPES],
        initial=list(EVENT_TYPES),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "pandabase-choices"}),
        help_text=_(
            "What Pandabase is asked to deliver when the endpoint is registered or updated there."
        ),
    )
    # Not "secret": that column is not editable.
    new_secret = SecretField(
        label=_("New signing secret"),
        required=False,
        help_text=_(
            "Only for an endpoint that was made in the Pandabase dashboard: paste the secret it "
            "showed. A registration from this page brings its own. The secret before stays good "
            "for some days, since deliveries are tried again for so long."
        ),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("store", "label", "enabled", "event_types", "v1_allowed_until")

    def clean_new_secret(self) -> Any:
        secret = self.cleaned_data["new_secret"]
        if not secret.reveal():
            return None
        try:
            check_secret(secret)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return secret

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        store = data.get("store")
        endpoint = WebhookEndpoint(store=store) if store else self.instance
        if data.get("new_secret") is not None and not self.may_register(endpoint):
            raise ValidationError({"new_secret": _("You may not set its signing secret.")})
        return data


class RegisterForm(forms.Form):
    """Where Pandabase is to deliver."""

    url = forms.CharField(
        label=_("Public address"), widget=forms.URLInput(attrs={"class": "vURLField", "size": 90})
    )


class StrayForm(forms.Form):
    """Chooses a registration whose secret nobody has."""

    stray = forms.ChoiceField(
        label=_("Its secret is known to nobody here"),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("Nothing was deleted: compare with Pandabase first.")
        ),
    )

    def __init__(self, *args: Any, strays: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["stray"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [(stray, stray) for stray in strays]


class DeleteForm(forms.Form):
    """Makes sure that one means it."""

    sure = forms.BooleanField(
        label=_("No more deliveries come then"),
        error_messages={"required": _("Nothing was deleted: tick the box first.")},
    )
