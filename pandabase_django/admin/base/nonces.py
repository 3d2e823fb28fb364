"""One-use nonces of confirmation pages, and the forms that carry them.

A nonce names what the page showed of a row. Whatever the page starts changes that, so a reload, a
second click or a page left open since yesterday finds its nonce spent. Nothing has to be kept for
it. Of two requests at the very same time one is refused by the service that both call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core import signing

__all__ = ["ConfirmedForm", "is_spent", "new_nonce", "shown_by"]

SALT = "pandabase.confirmation"
MAX_AGE_SECONDS = 3600


def new_nonce(user: Any, *, shown: Sequence[object]) -> str:
    """A nonce for what this person is shown now."""
    return signing.dumps(_texts(user, shown), salt=SALT)


def is_spent(nonce: str, *, user: Any, shown: Sequence[object]) -> bool:
    """Whether a nonce is used, too old, another person's or row's, or made up."""
    try:
        known = signing.loads(nonce, salt=SALT, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        return True
    return bool(known != _texts(user, shown))


def shown_by(nonce: str) -> list[str]:
    """What a nonce of any age names: who saw it, then what was shown; [] for one made up."""
    try:
        return list(signing.loads(nonce, salt=SALT))
    except signing.BadSignature:
        return []


def _texts(user: Any, shown: Sequence[object]) -> list[str]:
    return [str(user.pk), *map(str, shown)]


class ConfirmedForm(forms.Form):
    """A form that is good once, for a row as its page showed it.

    Args:
        data: What was posted; None while the page is shown.
        user: Who confirms.
        shown: What identifies the row and its state, read anew.
    """

    nonce = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, user: Any, shown: Sequence[object]) -> None:
        super().__init__(data)
        self.user = user
        self.shown = shown
        self.fields["nonce"].initial = new_nonce(user, shown=shown)

    @property
    def is_spent(self) -> bool:
        """It was sent before, or the row has moved since the page was shown."""
        return is_spent(self.data.get("nonce", ""), user=self.user, shown=self.shown)
