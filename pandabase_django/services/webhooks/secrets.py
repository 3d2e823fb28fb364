"""Signing secrets of endpoints. Two are live while one replaces the other."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import SealError
from pandabase_django.models import WebhookEndpoint

__all__ = [
    "OVERLAP",
    "SECRET_FIELDS",
    "check_secret",
    "drop_previous_secret",
    "install_secret",
    "lock_endpoint",
    "replace_secret",
]

# The remote tries a delivery again for 75 hours (P-34), signed with the secret of its registration.
OVERLAP = timedelta(hours=80)

_SECRET = re.compile(r"[!-~]{16,500}\Z")
_MASKED = re.compile(r"[*.#]{6}")  # what a page shows in its place
_PREFIX = "whsec_"
# "xxxxxxxx…" and "0000…" are masks too; of sixteen random characters hardly ever so few differ.
MIN_DIFFERENT_CHARACTERS = 6


def check_secret(secret: Secret) -> None:
    """Refuse what can't be a signing secret.

    Raises:
        ValueError: Says why.
    """
    if (
        not _SECRET.match(secret.reveal())
        or _MASKED.search(secret.reveal())
        or len(set(secret.reveal().removeprefix(_PREFIX))) < MIN_DIFFERENT_CHARACTERS
    ):
        raise ValueError(
            _("A signing secret has 16 characters or more, no white space, and is not masked.")
        )


def install_secret(
    endpoint: WebhookEndpoint, secret: Secret, *, overlap: timedelta = OVERLAP
) -> None:
    """Give an endpoint a signing secret that was pasted by hand.

    The one before stays live for the overlap, unless it is the same.

    Raises:
        ValueError: It can't be a signing secret; says why.
        SealError: It can't be sealed.
    """
    check_secret(secret)
    with transaction.atomic():
        row = lock_endpoint(endpoint.pk)
        replace_secret(row, secret, overlap=overlap)
        row.save(update_fields=SECRET_FIELDS)
    endpoint.refresh_from_db()


def drop_previous_secret(endpoint: WebhookEndpoint) -> None:
    """Refuse what is signed with the previous secret from now on."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret=None, previous_secret_hint="", previous_valid_until=None
    )
    endpoint.refresh_from_db()


SECRET_FIELDS = (
    "secret",
    "secret_hint",
    "secret_set_at",
    "previous_secret",
    "previous_secret_hint",
    "previous_valid_until",
    "key_reading",
)


def replace_secret(row: WebhookEndpoint, secret: Secret, *, overlap: timedelta) -> None:
    """Make this the secret of a locked row and the one before its previous one; does not save."""
    if row.secret is not None and not _same(row.secret, secret):
        row.previous_secret = _copy(row.secret)
        row.previous_valid_until = timezone.now() + overlap if row.previous_secret else None
        row.key_reading = ""
    row.secret = secret
    row.secret_set_at = timezone.now()


def _same(old: Secret, new: Secret) -> bool:
    try:
        return old == new
    except SealError:
        return False


def _copy(old: Secret) -> Secret | None:
    """For another column; None when its key is gone: then a new secret is all the more needed."""
    try:
        return Secret(old.reveal())
    except SealError:
        return None


def lock_endpoint(pk: str) -> WebhookEndpoint:
    """The row as it is now, locked until the transaction ends."""
    # A write locks on every database, SQLite included.
    WebhookEndpoint.objects.filter(pk=pk).update(registration=F("registration"))
    return WebhookEndpoint.objects.select_related("store").get(pk=pk)
