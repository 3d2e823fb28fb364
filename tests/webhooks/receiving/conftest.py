"""The tests of the address run through WSGI and ASGI both."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.webhooks import sender
from tests.webhooks.asgi.client import AsgiClient


@pytest.fixture(
    params=[
        pytest.param(Client, id="wsgi"),
        pytest.param(AsgiClient, id="asgi", marks=pytest.mark.thorough),
    ]
)
def wsgi_and_asgi(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are posted through one of them."""
    monkeypatch.setattr(sender, "new_client", request.param)
