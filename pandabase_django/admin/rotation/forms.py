"""The forms that rotate, install and replace a secret. A secret goes in and never comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.admin.rotation.texts import WayText
from pandabase_django.admin.tokens.forms import SecretField
from pandabase_django.models import ApiToken, RotationAttempt

__all__ = ["InstallForm", "ReplaceForm", "RotateForm"]


class _OfToken(ConfirmedForm):
    """A form that is good once, for the token as its page showed it."""

    def __init__(self, data: Any = None, *, token: ApiToken, user: Any) -> None:
        super().__init__(data, user=user, shown=_state_of(token))
        self.token = token


def _state_of(token: ApiToken) -> list[object]:
    """The version of its secret, its role and its newest rotation."""
    current = (
        ApiToken.objects.filter(pk=token.pk).values_list("secret_version", "role").first() or ()
    )
    newest = (
        RotationAttempt.objects.real()
        .filter(token=token)
        .order_by("-prepared_at", "-pk")
        .values_list("pk", flat=True)
        .first()
    )
    return [token.pk, *current, newest]


class RotateForm(_OfToken):
    """Who signs, why, and for a token in use its name."""

    way = forms.ChoiceField(label=_("How"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The history keeps it for good. Such as: a laptop was lost."),
    )
    typed_name = forms.CharField(label=_("Name of the token"), required=False, strip=True)

    def __init__(
        self, data: Any = None, *, token: ApiToken, user: Any, ways: Sequence[WayText]
    ) -> None:
        super().__init__(data, token=token, user=user)
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [(way.key, way.label) for way in ways]
        field.initial = ways[0].key if ways else None
        if token.is_active:
            self.fields["typed_name"].required = True
            self.fields["typed_name"].help_text = _(
                "The store is called with this token. Type its name to go on: %(name)s"
            ) % {"name": token.name}
            self.fields["typed_name"].widget.attrs["autocomplete"] = "off"
        else:
            del self.fields["typed_name"]

    def clean_typed_name(self) -> str:
        """The name, exactly."""
        typed = self.cleaned_data["typed_name"]
        if typed != self.token.name.strip():
            raise ValidationError(_("That is not the name of this token."))
        return str(typed)


class InstallForm(_OfToken):
    """A secret rolled in the dashboard."""

    secret = SecretField(
        label=_("New secret"),
        strip=False,
        help_text=_("Starts with sk_. It is tried before it replaces anything, and never shown."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("The history keeps it for good.")
    )


class ReplaceForm(_OfToken):
    """A second token that takes the place of this one."""

    name = forms.CharField(label=_("Name"), max_length=200)
    mode = forms.ChoiceField(label=_("Mode"), choices=ApiToken.Mode.choices)
    token_id = forms.CharField(
        label=_("Token id"),
        required=False,
        max_length=64,
        help_text=_("Starts with stk_. HMAC mode and rotation need it."),
    )
    secret = SecretField(
        label=_("Secret"), strip=False, help_text=_("Starts with sk_. It is not shown again.")
    )
    retire_old = forms.BooleanField(
        label=_("Disable the old token here at once"),
        required=False,
        initial=True,
        help_text=_(
            "Otherwise it becomes a standby, and can be made active again while it is not revoked."
        ),
    )

    def __init__(self, data: Any = None, *, token: ApiToken, user: Any) -> None:
        super().__init__(data, token=token, user=user)
        self.fields["mode"].initial = token.mode
        self.fields["name"].initial = gettext("%(name)s (new)") % {"name": token.name}
