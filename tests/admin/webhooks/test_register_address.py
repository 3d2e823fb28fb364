"""An endpoint is registered at its own address: deliveries go to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pandabase_django.conf import conf
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import ApiToken, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(token: ApiToken) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=token.store, event_types=["PAYMENT_REFUNDED"])


@pytest.fixture
def clerk(login: Login) -> Client:
    return login("view_webhookendpoint", "register_webhookendpoint")


def press(client: Client, endpoint: WebhookEndpoint, button: str = "register", **data: str) -> str:
    url = reverse(f"admin:pandabase_webhookendpoint_{button}", args=[endpoint.pk])
    return str(client.post(url, data, follow=True).content.decode())


def alive(sandbox: Sandbox) -> list[Any]:
    return [item.payload for _, item in sandbox.state.webhooks.every() if not item.deleted]


@pytest.fixture(autouse=True)
def _none_at_the_remote(sandbox: Sandbox) -> None:
    for _, item in sandbox.state.webhooks.every():
        item.deleted = True


@pytest.mark.parametrize(
    "url",
    [
        "https://collector.example{own}",
        "https://collector.example/hook",
        "https://testserver.collector.example{own}",
        "https://testserver@collector.example{own}",
        "https://collector.example\\@testserver{own}",
        "https://me:pw@testserver{own}",
        "https://testserver/",
        "https://testserver{own}/x",
        "https://testserver/x{own}",
        "https://testserver{own}?copy=1",
        "https://testserver{own}#x",
        "https://testserver/pandabase/webhooks/0123456789abcdef0123",
        "//collector.example{own}",
        "javascript:{own}",
        "",
    ],
)
def test_no_other_address_is_registered(
    clerk: Client, endpoint: WebhookEndpoint, sandbox: Sandbox, url: str
) -> None:
    own = reverse("pandabase:webhook", args=[endpoint.pk])
    served = sandbox.requests_served
    press(clerk, endpoint, url=url.replace("{own}", own))
    endpoint.refresh_from_db()
    assert (alive(sandbox), sandbox.requests_served) == ([], served)
    assert (endpoint.registration, endpoint.url) == ("BY_HAND", "")


@pytest.mark.parametrize("end", ["", "/"])
def test_the_own_address_is_registered(
    clerk: Client, endpoint: WebhookEndpoint, sandbox: Sandbox, end: str
) -> None:
    url = f"https://testserver{reverse('pandabase:webhook', args=[endpoint.pk])}{end}"
    assert "Registered." in press(clerk, endpoint, url=f" {url} ")
    assert [item["url"] for item in alive(sandbox)] == [url]


def test_a_foreign_host_needs_the_setting(
    clerk: Client, endpoint: WebhookEndpoint, sandbox: Sandbox, settings: Any
) -> None:
    url = f"https://hooks.example:8443{reverse('pandabase:webhook', args=[endpoint.pk])}"
    settings.ALLOWED_HOSTS = ["*"]  # names no host: whoever asks would choose it
    assert "WEBHOOK_HOSTS" in press(clerk, endpoint, url=url)
    assert alive(sandbox) == []
    settings.PANDABASE = {**settings.PANDABASE, "WEBHOOK_HOSTS": ["Hooks.Example"]}
    assert "Registered." in press(clerk, endpoint, url=url)


def test_what_was_registered_elsewhere_is_not_sent_again(
    clerk: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    elsewhere = f"https://collector.example/{endpoint.pk}"
    remote = sandbox.add_webhook(elsewhere)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        remote_id=remote["id"], url=elsewhere, registration="REGISTERED"
    )
    for button in ("update", "replace_secret"):
        assert "own address" in press(clerk, endpoint, button)
    assert len(alive(sandbox)) == 1


@pytest.mark.parametrize("hosts", ["shop.example", ["*"], ["https://shop.example"], [1], [""]])
def test_a_malformed_setting_is_refused(settings: Any, hosts: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "WEBHOOK_HOSTS": hosts}
    with pytest.raises(ConfigurationError, match="WEBHOOK_HOSTS"):
        _ = conf.webhook_hosts
