"""The forms of the token pages. A secret goes in and is never shown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.tokens.permission_grid import PRESET_CHOICES, PermissionGrid, by_code
from pandabase_django.api.permissions import KNOWN_PERMISSIONS, PRESETS
from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.tokens.addresses import check_api_address
from pandabase_django.services.tokens.connection import checked_codes
from pandabase_django.services.tokens.impact import blast_radius

if TYPE_CHECKING:
    _TokenForm = forms.ModelForm[ApiToken]
else:
    _TokenForm = forms.ModelForm

__all__ = ["AddTokenForm", "ChangeTokenForm", "DisableForm", "SecretField", "SecretFormMixin"]


class SecretField(forms.CharField):
    """Takes a text and gives a ``Secret``; no variable of ours holds the text."""

    widget = forms.PasswordInput(attrs={"autocomplete": "off"})

    def clean(self, value: Any) -> Any:
        return Secret(super().clean(value))


class SecretFormMixin(forms.BaseForm):
    """Sends ``new_secret`` under the name ``secret``, which reports know to leave out.

    A model form can't have a field of that name: the column is not editable.
    """

    def add_prefix(self, field_name: str) -> str:
        return super().add_prefix("secret" if field_name == "new_secret" else field_name)


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
            "tried. Beside each box you see what calls have shown. “Verify permissions” reads one "
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


class AddTokenForm(SecretFormMixin, _PermissionsForm):
    """The fields of a new token. The page gives them to the service that tests and stores it.

    Attributes:
        refused: Why the service refused these values, on the page that shows them again.
        may_add: Whether this person may add a token to a store; the admin sets it.
        may_rotate: Whether this person may set when a token of it is rotated.
    """

    may_add: Callable[[Store], bool]
    may_rotate: Callable[[Store], bool]
    refused: str = ""

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

    def clean_store_id(self) -> str:
        """A store in this person's scope; one that is not here yet is put to the rules as well."""
        store_id = str(self.cleaned_data["store_id"]).strip()
        if not self.may_add(Store(pk=store_id)):
            raise ValidationError(_("You may not add a token to this store."))
        return store_id

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        rotate_after_days = data.get("rotate_after_days")
        if rotate_after_days and not self.may_rotate(Store(pk=data["store_id"])):
            raise ValidationError({"rotate_after_days": _("You may not rotate its secret.")})
        try:
            check_api_address(data["api_url"], store_id=data["store_id"])
        except ValueError as error:
            raise ValidationError({"api_url": str(error)}) from None
        if self.refused:
            raise ValidationError(self.refused)
        return data

    def _post_clean(self) -> None:
        """The service makes the row, and checks it."""


class DisableForm(forms.Form):
    """Makes sure that one means it: says what stops with the token its store is called with."""

    sure = forms.BooleanField(
        error_messages={"required": _("Nothing was disabled: tick the box first.")}
    )

    def __init__(self, data: Any = None, *, token: ApiToken) -> None:
        super().__init__(data, auto_id="id_disable_%s")
        self.fields["sure"].label = what_stops(token)


def what_stops(token: ApiToken) -> str:
    """What is no longer done once the active token of a store is disabled, in sentences."""
    blast = blast_radius(token)
    names = ", ".join(other.name for other in blast.standby)
    under_way = ngettext(
        "%(count)d sync is under way and fails.",
        "%(count)d syncs are under way and fail.",
        len(blast.running),
    )
    return " ".join(
        [
            gettext(
                "%(store)s is called with this token: its syncs, refreshes and webhook look-ups "
                "stop."
            )
            % {"store": token.store},
            under_way % {"count": len(blast.running)} if blast.running else "",
            gettext("Make one of these active first to go on without a gap: %(names)s.")
            % {"names": names}
            if names
            else gettext("No other tested token could take over."),
            gettext("Tick this to disable it all the same:"),
        ]
    ).replace("  ", " ")


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
        try:
            checked_codes(self.codes())
        except ValueError:
            text = _("A code has capitals, digits and underscores alone.")
            raise ValidationError({"other": text}) from None
        return data
