"""The forms that rotate, install and replace a secret. A secret goes in and never comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.nonces import is_spent, new_nonce
from pandabase_django.admin.token_forms import SecretField
from pandabase_django.models import ApiToken, RotationAttempt

__all__ = ["InstallForm", "ReplaceForm", "RotateForm", "Way", "ways_to_rotate"]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to rotate.

    Attributes:
        key: Names it in the form.
        token: Whose secret is rolled.
        signer: Who signs the request.
        flip: The rolled token becomes the store's active one.
        label: What it is.
        explanation: What it means for whoever calls.
        folded: One of a kind better ones exist of.
    """

    key: str
    token: ApiToken
    signer: ApiToken
    flip: bool
    label: str
    explanation: str
    folded: bool = False


def ways_to_rotate(token: ApiToken) -> list[Way]:
    """The ways that are open to a token, the best first.

    The best of each kind stands out; the others are folded, since a store has up to 25 tokens.
    """
    if not token.token_id:
        return []
    others = list(
        ApiToken.objects.filter(store=token.store_id, base_url=token.base_url)
        .exclude(pk=token.pk)
        .exclude(role=ApiToken.Role.RETIRED)
        .exclude(health=ApiToken.Health.SUSPECT)
        .order_by("role", F("secret_set_at").asc(nulls_first=True))
    )
    open_states = dict(
        RotationAttempt.objects.filter(
            token__in=[token, *others], closed_at__isnull=True
        ).values_list("token_id", "state")
    )
    state = open_states.get(token.pk)
    free = [other for other in others if other.pk not in open_states]
    # What was held or lost, another token's roll may answer; anything else has to end first.
    signed = [_signed_by(token, other) for other in free] if state in (None, *_ANSWERABLE) else []
    itself = [_signed_by_itself(token)] if state is None else []
    if token.role == ApiToken.Role.ACTIVE:
        pairs = [_pair(other, active=token) for other in free if other.token_id]
        if state in _ANSWERABLE:
            pairs = []  # its own secret, which would sign, is the one in doubt
    else:
        active = [other for other in free if other.role == ApiToken.Role.ACTIVE]
        pairs = [_pair(token, active=other) for other in active] if signed else []
    first = [*pairs[:1], *signed[:1], *itself]
    return first + [replace(way, folded=True) for way in (*pairs[1:], *signed[1:])]


_ANSWERABLE = (RotationAttempt.State.HELD, RotationAttempt.State.LOST)


def _pair(standby: ApiToken, *, active: ApiToken) -> Way:
    return Way(
        key=f"pair:{standby.pk}",
        token=standby,
        signer=active,
        flip=True,
        label=gettext("Pair rotation: roll %(standby)s, then make it the active token")
        % {"standby": standby.name},
        explanation=gettext(
            "No call meets a dead secret: %(active)s serves until the new secret of %(standby)s is "
            "verified with every permission in use, then they change roles. A lost answer costs "
            "the standby, never the shop. %(active)s keeps the secret it has: if that one has "
            "leaked, roll %(active)s right afterwards, when it stands by."
        )
        % {"active": active.name, "standby": standby.name},
    )


def _signed_by(token: ApiToken, other: ApiToken) -> Way:
    return Way(
        key=f"by:{other.pk}",
        token=token,
        signer=other,
        flip=False,
        label=gettext("Roll %(token)s, signed by %(other)s")
        % {"token": token.name, "other": other.name},
        explanation=gettext("Should the answer be lost, %(other)s can roll %(token)s once more.")
        % {"token": token.name, "other": other.name},
    )


def _signed_by_itself(token: ApiToken) -> Way:
    return Way(
        key="itself",
        token=token,
        signer=token,
        flip=False,
        label=gettext("Roll %(token)s, signed by itself") % {"token": token.name},
        explanation=gettext(
            "Should the answer be lost, nobody can read the new secret, and one has to be rolled "
            "in the Pandabase dashboard and installed here."
        ),
    )


class _ConfirmedForm(forms.Form):
    """A form that is good once, for the token as its page showed it."""

    nonce = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, token: ApiToken, user: Any) -> None:
        super().__init__(data)
        self.token = token
        self.user = user
        self.fields["nonce"].initial = new_nonce(user, token=token)

    @property
    def is_spent(self) -> bool:
        """It was sent before, or the token has moved since the page was shown."""
        return is_spent(self.data.get("nonce", ""), user=self.user, token=self.token)


class RotateForm(_ConfirmedForm):
    """Who signs, why, and for a token in use its name."""

    way = forms.ChoiceField(label=_("How"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Stands in the history for good. Such as: a laptop was lost."),
    )
    typed_name = forms.CharField(label=_("Name of the token"), required=False, strip=True)

    def __init__(
        self, data: Any = None, *, token: ApiToken, user: Any, ways: Sequence[Way]
    ) -> None:
        super().__init__(data, token=token, user=user)
        self.ways = {way.key: way for way in ways}
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [(way.key, way.label) for way in ways]
        field.initial = ways[0].key if ways else None
        if token.role == ApiToken.Role.ACTIVE:
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

    @property
    def chosen(self) -> Way:
        """The way that was chosen, of a valid form."""
        return self.ways[self.cleaned_data["way"]]


class InstallForm(_ConfirmedForm):
    """A secret rolled in the dashboard."""

    new_secret = SecretField(
        label=_("New secret"),
        strip=False,
        help_text=_("Starts with sk_. It is tried before it replaces anything, and never shown."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("Stands in the history for good.")
    )


class ReplaceForm(_ConfirmedForm):
    """A second token that takes the place of this one."""

    name = forms.CharField(label=_("Name"), max_length=200)
    mode = forms.ChoiceField(label=_("Mode"), choices=ApiToken.Mode.choices)
    token_id = forms.CharField(
        label=_("Token id"),
        required=False,
        max_length=64,
        help_text=_("Starts with stk_. HMAC mode and rotation need it."),
    )
    new_secret = SecretField(
        label=_("Secret"), strip=False, help_text=_("Starts with sk_. It is not shown again.")
    )
    retire_old = forms.BooleanField(
        label=_("Disable the old token here at once"),
        required=False,
        initial=True,
        help_text=_(
            "Otherwise it stands by, and can be made active again while it is not revoked."
        ),
    )

    def __init__(self, data: Any = None, *, token: ApiToken, user: Any) -> None:
        super().__init__(data, token=token, user=user)
        self.fields["mode"].initial = token.mode
        self.fields["name"].initial = gettext("%(name)s (new)") % {"name": token.name}
