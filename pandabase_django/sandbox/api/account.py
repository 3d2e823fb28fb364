"""The store itself, its ledger, its webhook endpoints, its tokens and its request log."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query
from pandabase_django.sandbox.api.webhook_writes import create_webhook, update_webhook
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.timeline import START_MS, iso
from pandabase_django.sandbox.store.money.ledger import LEDGER_TYPES
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.views import store_form
from pandabase_django.sandbox.webhooks.posting import is_loopback

__all__ = [
    "delete_webhook",
    "get_store",
    "get_webhook",
    "list_api_logs",
    "list_bank_accounts",
    "list_ledger",
    "list_webhooks",
    "patch_webhook",
    "post_webhook",
    "roll_secret",
]


def get_store(call: Call) -> Response:
    """The store."""
    return success(store_form(call.state))


def list_ledger(call: Call) -> Response:
    """Movements of money, newest first. Source: P-23."""
    query = call.request.query()
    check_query(query, {"type": Field(str, choices=LEDGER_TYPES)})
    kind = query.get("type")
    entries = [entry for entry in call.state.ledger.entries if kind in (None, entry["type"])]
    return page_of(call, entries[::-1])


def list_bank_accounts(call: Call) -> Response:
    """The one that payouts went to, in a list without pages."""
    at = iso(START_MS)
    account: Json = {
        "id": call.state.ids.make("bank_account", 0),
        "isPrimary": True,
        "status": "APPROVED",
        "last4": "0000",
        "bankName": "Sandbox Bank",
        "country": "US",
        "routingNumber": "000000000",
        "bankAccountType": "checking",
        "supportedCurrencies": ["usd"],
        "availablePayoutSpeeds": ["standard"],
        "createdAt": at,
        "updatedAt": at,
    }
    return success([account])


def list_webhooks(call: Call) -> Response:
    """Endpoints, newest first, without their secrets. Source: P-35."""
    listed = [item.payload for _, item in call.state.webhooks.every() if not item.deleted]
    return page_of(call, listed[::-1], default_limit=20)


def post_webhook(call: Call) -> Response:
    """Create; the only answer that shows the secret. Source: P-35."""
    index, secret = create_webhook(call.state, _checked_webhook(call))
    item = call.state.webhooks.touch(index)
    replies: dict[str, Json] = {
        "secret": {"secret": secret},
        "empty": {"secret": ""},
        "short": {"secret": "x"},
        "null": {"secret": None},
        "masked": {"secret": "•" * 24},
        "number": {"secret": 0},
        "none": {},
        "unknown": {"credential": {"value": secret}},
    }
    reply = replies[call.services.settings.registration_reply]
    return success({**item.payload, **reply}, status=201)


def get_webhook(call: Call) -> Response:
    """One endpoint, without its secret."""
    return success(call.state.webhooks.touch(_live_webhook(call)).payload)


def patch_webhook(call: Call) -> Response:
    """Change."""
    index = _live_webhook(call)
    update_webhook(call.state, index, _checked_webhook(call))
    return success(call.state.webhooks.touch(index).payload)


def delete_webhook(call: Call) -> Response:
    """Delete."""
    call.state.webhooks.touch(_live_webhook(call)).deleted = True
    return success({"deleted": True})


def roll_secret(call: Call) -> Response:
    """Roll a token's secret: the old one is void at once. Source: P-15, P-16."""
    settings, tokens = call.services.settings, call.services.tokens
    token = tokens.find(call.ids["token"])
    if token is None:
        return failure(404, "Token not found")
    same = token.token_id == call.token.token_id
    allowed = {"any": True, "self": same, "other": not same, "nobody": False}
    if not allowed[settings.roll_callers]:
        return failure(403, "This token may not roll the secret of a token")
    secret = tokens.roll(token)
    replies: dict[str, Any] = {
        "data.secret": {"secret": secret},
        "data.token.secret": {"token": {"id": token.token_id, "secret": secret}},
        "string": secret,
        "unknown": {"result": {"credential": {"value": secret}}},
        "none": {"rolled": True},
    }
    return success(replies[settings.roll_reply])


def list_api_logs(call: Call) -> Response:
    """Requests to the Store API, newest first; the field names are a guess. Source: P-18."""
    entries = [
        {
            "id": f"log_{entry['seq']:024d}",
            "method": entry["method"],
            "path": entry["path"],
            "statusCode": entry["status"],
            "responseTime": entry["duration_ms"],
            "ipAddress": entry["peer"],
            "createdAt": iso(entry["at_ms"]),
        }
        for entry in reversed(call.services.log.since(0))
    ]
    return page_of(call, entries)


def _checked_webhook(call: Call) -> Json:
    url = call.body.get("url", "https://")
    plain_allowed = call.services.settings.webhook_http and is_loopback(url)
    if not url.startswith("https://") and not plain_allowed:
        raise Invalid("url has the wrong format", status=422)
    return call.body


def _live_webhook(call: Call) -> int:
    index = call.index("webhook")
    item = call.state.webhooks.find(index)
    if item is None or item.deleted:
        raise Invalid("Webhook not found", status=404)
    return index
