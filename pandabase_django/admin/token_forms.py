"""The forms of the token pages. A secret goes in and is never shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.permission_grid import PRESET_CHOICES, PermissionGrid, by_code
from pandabase_django.api.permissions import KNOWN_PERMISSIONS, PRESETS
from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import ApiToken
from pandabase_django.services.connection import add_token

if TYPE_CHECKING:
    _TokenForm = forms.ModelForm[ApiToken]
else:
    _TokenForm = forms.ModelForm

__all__ = ["AddTokenForm", "ChangeTokenForm"]


class SecretField(forms.CharField):
    """Takes a text and gives a ``Secret``; the text stands in no variable of ours."""

    widget = forms.PasswordInput(attrs={"autocomplete": "off"})

    def clean(self, value: Any) -> Any:
        return Secret(super().clean(value))


class _PermissionsForm(_TokenForm):
    preset = forms.ChoiceField(
        label=_("Preset"),
        required=False,
        choices=PRESET_CHOICES,
        help_text=_("Ticks the boxes below; without JavaScript it is applied when you save."),
        widget=forms.Select(attrs={"data-presets": "declared"}),
    )
    declared = forms.MultipleChoiceField(
        label=_("Declared permissions"),
        required=False,
        choices=[(code, code) for code in KNOWN_PERMISSIONS],
        widget=PermissionGrid,
        help_text=_(
            "What the Pandabase dashboard says of this token. With none declared every call is "
            "tried. Beside each box stands what calls have shown. “Verify permissions” reads one "
            "row of each resource; whether writing is allowed can't be tested safely."
        ),
    )
    other = forms.CharField(
        label=_("Other permissions"),
        required=False,
        help_text=_("Codes this version does not know, separated by commas."),
    )

    def codes(self) -> list[str]:
        """Declared codes, known and other."""
        preset = self.cleaned_data.get("preset", "")
        known = PRESETS[preset] if preset else self.cleaned_data.get("declared", [])
        other = self.cleaned_data.get("other", "").split(",")
        return [*known, *filter(None, map(str.strip, other))]


class AddTokenForm(_PermissionsForm):
    """Tests the credential and keeps it; a refused one is told in the form and not saved."""

    store_id = forms.CharField(label=_("Store id"), help_text=_("Starts with shp_."))
    # Not "secret" and "base_url": those columns are not editable.
    new_secret = SecretField(
        label=_("Secret"), strip=False, help_text=_("Starts with sk_. It is not shown again.")
    )
    api_url = forms.CharField(label=_("Base URL"))
    test = forms.BooleanField(
        label=_("Test the connection before saving"), required=False, initial=True
    )

    class Meta:
        model = ApiToken
        fields = ("name", "mode", "token_id", "rotate_after_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["api_url"].initial = conf.api_url

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            self.instance = add_token(
                store_id=data["store_id"],
                mode=data["mode"],
                secret=data["new_secret"],
                token_id=data["token_id"],
                name=data["name"],
                permissions=self.codes(),
                base_url=data["api_url"],
                test=data["test"],
            )
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise ValidationError(str(error)) from None
        if data["rotate_after_days"]:
            self.instance.rotate_after_days = data["rotate_after_days"]
            self.instance.save(update_fields=["rotate_after_days"])
        return data

    def _post_clean(self) -> None:
        """The service has checked and saved the row already."""


class ChangeTokenForm(_PermissionsForm):
    """Name, policy and declared permissions; the credential itself is replaced, never edited."""

    class Meta:
        model = ApiToken
        fields = ("name", "rotate_after_days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        observed = by_code(self.instance)
        rows = list(observed.values())
        known = [row.code for row in rows if row.declared and row.code in KNOWN_PERMISSIONS]
        other = [row.code for row in rows if row.declared and row.code not in KNOWN_PERMISSIONS]
        if "declared" in self.fields:
            self.fields["declared"].initial = known
            self.fields["other"].initial = ", ".join(other)
            widget = self.fields["declared"].widget
            if isinstance(widget, PermissionGrid):
                widget.observed = observed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for code in self.codes():
            if not code.replace("_", "").isalnum():
                raise ValidationError({"other": _("A code has capitals and underscores alone.")})
        return data
