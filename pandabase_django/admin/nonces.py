"""One-use nonces of confirmation pages.

A nonce names what the page showed of a token: the version of its secret, its role and its newest
rotation. Whatever the page starts changes that, so a reload, a second click or a page left open
since yesterday finds its nonce spent. Nothing has to be kept for it. Of two requests at the very
same time one meets the constraint that a token has one open rotation.
"""

from __future__ import annotations

from typing import Any

from django.core import signing

from pandabase_django.models import ApiToken, RotationAttempt

__all__ = ["is_spent", "new_nonce"]

SALT = "pandabase.confirmation"
MAX_AGE_SECONDS = 3600


def new_nonce(user: Any, *, token: ApiToken) -> str:
    """A nonce for what this person is shown of this token now."""
    return signing.dumps(_shown(user, token), salt=SALT)


def is_spent(nonce: str, *, user: Any, token: ApiToken) -> bool:
    """Whether a nonce is used, too old, another person's or token's, or made up."""
    try:
        shown = signing.loads(nonce, salt=SALT, max_age=MAX_AGE_SECONDS)
    except signing.BadSignature:
        return True
    return bool(shown != _shown(user, token))


def _shown(user: Any, token: ApiToken) -> list[str]:
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
    return [str(user.pk), str(token.pk), *map(str, current), str(newest)]
