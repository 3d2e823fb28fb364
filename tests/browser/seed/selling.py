"""A shop that sells: products and webhooks, and nothing in its past."""

from __future__ import annotations

from typing import Any

from demo_project.webhooks import receive_webhooks
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import SyncRun
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import add_token

__all__ = ["sell"]


def sell(remote: dict[str, Any], *, url: str) -> None:
    """A shop with products on sale, which hears of its orders by webhooks."""
    given = next(token for token in remote["tokens"] if token["mode"] == "HMAC")
    token = add_token(
        store_id=remote["store"],
        mode="HMAC",
        secret=Secret(given["secret"]),
        token_id=given["token_id"],
        base_url=remote["url"],
    )
    sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    receive_webhooks(token.store, site=url)
