"""Writing webhook endpoints from bodies that were found valid. Source: P-35."""

from __future__ import annotations

from collections.abc import Sequence

from pandabase_django.sandbox.api.bodies import EVENT_TYPES, WEBHOOK_FIELDS
from pandabase_django.sandbox.api.validation import Invalid, check_body
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.webhooks.signatures import signing_secret

__all__ = ["add_webhook", "create_webhook", "update_webhook"]


def create_webhook(state: StoreState, body: Json) -> tuple[int, str]:
    """A new endpoint; returns its index and the signing secret, which is kept nowhere else."""
    now_ms = state.clock.now_ms()

    def make(index: int) -> Item:
        payload: Json = {
            "id": state.ids.make("webhook", index),
            "url": body["url"],
            "note": None,
            "isEnabled": True,
            "eventTypes": body["eventTypes"],
            "signatureVersion": "V2",
            "createdAt": iso(now_ms),
            "updatedAt": iso(now_ms),
        }
        payload.update(body)
        return Item(payload, created_ms=now_ms, updated_ms=now_ms)

    index = state.webhooks.add(make)
    return index, signing_secret(state.size.seed, index)


def add_webhook(
    state: StoreState,
    *,
    url: str,
    event_types: Sequence[str] = EVENT_TYPES,
    signature_version: str = "V2",
) -> Json:
    """An endpoint with any URL, made beside the Store API; the answer shows the secret.

    Raises:
        ValueError: The URL is not http or https, or an event type or the version is unknown.
    """
    body = {
        "url": url,
        "eventTypes": list(event_types),
        "signatureVersion": signature_version,
    }
    try:
        check_body(body, WEBHOOK_FIELDS)
    except Invalid as error:
        raise ValueError(str(error)) from None
    with state.lock:
        state.changing()
        index, secret = create_webhook(state, body)
        return {**state.webhooks.touch(index).payload, "secret": secret}


def update_webhook(state: StoreState, index: int, body: Json) -> None:
    """Change an endpoint.

    Raises:
        LookupError: There never was such an endpoint.
    """
    item = state.webhooks.touch(index)
    item.payload.update(body)
    item.updated_ms = state.clock.now_ms()
    item.payload["updatedAt"] = iso(item.updated_ms)
