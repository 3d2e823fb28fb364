"""An owner, an endpoint, and a delivery that died; the sandbox is Pandabase."""

from __future__ import annotations

import pytest
from django.test import Client

from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.admin.webhooks.pages import send
from tests.webhooks.sender import SECRET, payload_of, sign_v2


@pytest.fixture
def owner(login: Login) -> Client:
    return login(superuser=True)


@pytest.fixture
def endpoint(token: ApiToken) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        store=token.store, label="Shop", secret=Secret(SECRET), event_types=list(EVENT_TYPES)
    )


@pytest.fixture(autouse=True)
def _no_endpoints_at_the_remote(sandbox: Sandbox) -> None:
    for _, item in sandbox.state.webhooks.every():
        item.deleted = True


@pytest.fixture
def dead(mirrored: ApiToken, endpoint: WebhookEndpoint, sandbox: Sandbox) -> WebhookDelivery:
    order = sandbox.dump("orders")[0]
    send(endpoint, sign_v2(payload_of(order_id=order["id"])))
    WebhookDelivery.objects.update(
        state="DEAD", attempts=8, next_attempt_at=None, last_error="HTTP 503: <b>no</b>"
    )
    return WebhookDelivery.objects.get()
