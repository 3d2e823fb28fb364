"""Tokens: good and bad ones, and a rotation."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import call_command

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.connection import add_token, declare_permissions
from pandabase_django.services.tokens.connection import test_connection as probe

__all__ = ["fill_tokens", "rotate"]


def fill_tokens(remote: dict[str, Any]) -> ApiToken:
    """The token of the store, which works, one that stands by, and one that was revoked."""
    hmac = next(token for token in remote["tokens"] if token["mode"] == "HMAC")
    bearer = next(token for token in remote["tokens"] if token["mode"] == "BEARER")
    active = add_token(
        store_id=remote["store"],
        mode="HMAC",
        secret=Secret(hmac["secret"]),
        token_id=hmac["token_id"],
        name="Main",
        permissions=["PRODUCTS_READ", "CATEGORIES_READ", "ORDERS_READ", "REFUNDS_READ"],
        base_url=remote["url"],
    )
    declare_permissions(active, [*hmac["permissions"], "LOYALTY_READ"])
    probe(active)
    for name, secret, test in (
        ("Standby", bearer["secret"], True),
        ("Old laptop", "sk_test_this_one_was_revoked", False),
    ):
        token = add_token(
            store_id=remote["store"],
            mode="BEARER",
            secret=Secret(secret),
            name=name,
            base_url=remote["url"],
            test=test,
        )
        probe(token)
    return active


def rotate(active: ApiToken) -> None:
    """A rotation that is done, and the next one by itself in three months."""
    ApiToken.objects.filter(name="Main").update(rotate_after_days=90)
    options = ["--token", str(active.pk), "--reason", "A laptop was lost", "--no-input"]
    call_command("pandabase_rotate_secret", *options, stdout=sys.stderr)
