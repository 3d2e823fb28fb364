"""A store with an endpoint, and a broker that only remembers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import current_app
from django.core.cache import cache
from django.urls import reverse

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookEndpoint
from pandabase_django.services.webhooks import doctor
from tests.webhooks.sender import SECRET


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache.clear()
    # The budget is per process: a test must not live on what the one before it left over.
    monkeypatch.setattr(doctor, "_budget", doctor._Budget())
    old = current_app.conf.broker_url
    current_app.conf.broker_url = "memory://"
    yield
    current_app.conf.broker_url = old
    cache.clear()


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(pk="shp_webhooks000000000001")


@pytest.fixture
def endpoint(store: Store) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=store, label="Shop", secret=Secret(SECRET))


@pytest.fixture
def url(endpoint: WebhookEndpoint) -> str:
    return reverse("pandabase:webhook", args=[endpoint.pk])
