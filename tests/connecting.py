"""A shop's token of a sandbox, added as its owner would."""

from __future__ import annotations

from typing import Any

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.store.tokens import Token
from pandabase_django.services.tokens.connection import add_token

__all__ = ["connect"]


def connect(sandbox: Sandbox, given: Token | None = None, **options: Any) -> ApiToken:
    """Add the sandbox's HMAC token, or another one of it; options are those of ``add_token``."""
    given = given or sandbox.hmac_token
    arguments = {
        "store_id": sandbox.store_id,
        "mode": given.mode,
        "secret": Secret(given.secret),
        "token_id": given.token_id,
        "base_url": sandbox.url,
        **options,
    }
    return add_token(**arguments)
