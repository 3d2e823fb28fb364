"""Lets another token take the place of one, where rolling its secret is not the way.

A second credential is tried beside the first; nothing the shop calls with changes before it has
shown that it can do what the first one is used for.
"""

from __future__ import annotations

from dataclasses import dataclass

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.connection import activate_token, add_token, retire_token
from pandabase_django.services.tokens.permissions import (
    granted_codes,
    try_permissions,
    what_lacks,
)

__all__ = ["Replacement", "replace_token"]


@dataclass(frozen=True, slots=True)
class Replacement:
    """What came of it.

    Attributes:
        token: The new token.
        problem: Why it is a standby instead of taking the place; "" when it took it.
    """

    token: ApiToken
    problem: str = ""


def replace_token(
    old: ApiToken,
    *,
    name: str,
    mode: str,
    token_id: str,
    secret: Secret,
    retire: bool,
) -> Replacement:
    """Add a token of the same store, try it, and give it the role of the old one.

    The old one stays as it is at Pandabase: it has to be revoked there by a person.

    Args:
        old: Whose place is taken.
        name: Of the new token.
        mode: ``HMAC`` or ``BEARER``.
        token_id: ``stk_…``; HMAC needs it.
        secret: ``sk_…``
        retire: Disable the old one here; otherwise it becomes the standby.

    Raises:
        ValueError: An argument is malformed.
        PandabaseError: The new credential does not work; nothing was saved.
    """
    declared = old.permissions.filter(declared=True).values_list("code", flat=True)
    new = add_token(
        store_id=old.store_id,
        mode=mode,
        secret=secret,
        token_id=token_id,
        name=name,
        permissions=list(declared),
        base_url=old.base_url,
    )
    wanted = granted_codes(old)
    tried = try_permissions(new, secret=new.secret, codes=sorted(wanted))
    problem = what_lacks(tried, token=new, wanted=wanted)
    if problem:
        return Replacement(new, f"{problem} It was added as a standby; nothing was switched.")
    with transaction.atomic():
        old.refresh_from_db(fields=["role"])
        if old.is_active:
            activate_token(new)
        if retire:
            retire_token(old)
    return Replacement(new)
