"""Every field that a secret is pasted into has a name that reports leave out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter

from pandabase_django.models import ApiToken, WebhookEndpoint

pytestmark = pytest.mark.django_db

# The names that Sentry's SDK leaves out of a request's body when it is not told otherwise.
SENTRY = {"password", "passwd", "secret", "api_key", "apikey", "auth", "credentials", "token"}


@pytest.mark.parametrize(
    "page",
    [
        "apitoken_add",
        "apitoken_install",
        "apitoken_replace",
        "webhookendpoint_add",
        "webhookendpoint_change",
    ],
)
def test_the_field_is_named_so(admin_client: Client, token: ApiToken, page: str) -> None:
    endpoint = WebhookEndpoint.objects.create(store=token.store)
    rows: dict[str, Any] = {"apitoken": token.pk, "webhookendpoint": endpoint.pk}
    args = [] if page.endswith("_add") else [rows[page.partition("_")[0]]]
    html = admin_client.get(reverse(f"admin:pandabase_{page}", args=args)).content.decode()
    inputs = re.findall(r'<input type="password"[^>]*>', html)
    (name,) = (re.findall(r'name="([^"]*)"', "".join(inputs))) or [""]
    assert name in SENTRY
    assert SafeExceptionReporterFilter().hidden_settings.search(name)
