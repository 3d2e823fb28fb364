"""Forms as their pages give them, and rotations in any state."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.rotation import ways_to_rotate
from pandabase_django.services.rotation.replies import packed
from tests.connecting import connect

__all__ = [
    "REASON",
    "RIGHTS",
    "State",
    "add",
    "attempt_of",
    "filled",
    "kept",
    "nonce_on",
    "page_url",
    "rolls",
    "rotate_form",
    "text",
]

State = RotationAttempt.State
REASON = "A laptop was lost."
RIGHTS = ("view_apitoken", "view_rotationattempt", "rotate_apitoken")


def add(sandbox: Sandbox, *, name: str, permissions: Any = ALL_PERMISSIONS) -> ApiToken:
    return connect(sandbox, sandbox.add_token(permissions=permissions), name=name)


def page_url(name: str, row: ApiToken | RotationAttempt) -> str:
    model = type(row)._meta.model_name
    return reverse(f"admin:pandabase_{model}_{name}", args=[quote(str(row.pk))])


def nonce_on(page: Any) -> str:
    return str(page.context["form"]["nonce"].initial)


def filled(client: Client, page: str, row: ApiToken, /, **values: str) -> dict[str, str]:
    """A form as its page gives it, with these values."""
    return {"nonce": nonce_on(client.get(page_url(page, row))), **values}


def rotate_form(client: Client, token: ApiToken, **changes: str) -> dict[str, str]:
    way = ways_to_rotate(token)[0].key
    values = {"way": way, "reason": REASON, "typed_name": token.name, **changes}
    return filled(client, "rotate", token, **values)


def rolls(sandbox: Sandbox) -> int:
    return sum(entry["path"].endswith("/roll-secret") for entry in sandbox.requests())


def text(answer: Any) -> str:
    return str(answer.content.decode())


def attempt_of(token: ApiToken, state: str, **columns: Any) -> RotationAttempt:
    now = timezone.now()
    values = {
        "signer": token,
        "trigger": RotationAttempt.Trigger.ADMIN,
        "reason": REASON,
        "from_version": 1,
        "prepared_at": now,
        "sent_at": now,
        "watch_until": now + timedelta(hours=1),
        **columns,
    }
    return RotationAttempt.objects.create(token=token, state=state, **values)


def kept(body: Any) -> Secret:
    raw = RawReply(status=200, request_id="req_kept", body=json.dumps(body).encode())
    return packed(raw)
