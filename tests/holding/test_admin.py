"""What the admin shows of a deployment that must not send."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from pandabase_django import actions
from pandabase_django.models import ApiToken, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.actions.conftest import REASON, Shop

pytestmark = pytest.mark.django_db

BANNER = "READ_ONLY is set in PANDABASE"


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def page(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(f"admin:{name}", args=args)).content.decode()


def person(*codenames: str) -> Client:
    user = User.objects.create_user("person", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def test_buttons_that_change_something_there_cant_be_pressed(
    client: Client, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    endpoint = WebhookEndpoint.objects.create(store=token.store, label="Shop")
    deploy(READ_ONLY=True)
    text = page(client, "pandabase_webhookendpoint_change", endpoint.pk)
    assert text.count("disabled title=") == 1
    why = escape("READ_ONLY is set in PANDABASE: nothing is changed at Pandabase.")
    assert f'title="{why}">Register at Pandabase' in text
    address = reverse("admin:pandabase_webhookendpoint_register", args=[endpoint.pk])
    client.post(address, {"url": "https://shop.example.com/"})
    assert not [one for one in sandbox.requests() if one["method"] != "GET"]
    assert BANNER in page(client, "pandabase_apitoken_rotate", token.pk)
    # No way to rotate is offered, and the page says why.
    assert 'name="way"' not in page(client, "pandabase_apitoken_rotate", token.pk)
    assert why in page(client, "pandabase_apitoken_rotate", token.pk)


def test_a_person_confirms_a_token(
    client: Client, token: ApiToken, deploy: Callable[..., None]
) -> None:
    assert "Not used here" not in page(client, "pandabase_apitoken_change", token.pk)
    deploy(ENVIRONMENT="staging")
    address = reverse("admin:pandabase_apitoken_confirm", args=[token.pk])
    assert address in page(client, "pandabase_apitoken_change", token.pk)
    shown = client.get(address)
    assert "This one is called “staging”." in shown.content.decode()
    token.refresh_from_db()
    assert token.environment == ""
    nonce = shown.context["form"]["nonce"].value()
    client.post(address, {"nonce": "made up"})
    token.refresh_from_db()
    assert token.environment == ""
    client.post(address, {"nonce": nonce})
    token.refresh_from_db()
    assert token.environment == "staging"
    (entry,) = LogEntry.objects.all()
    assert entry.change_message == "Confirmed for the environment 'staging'."
    assert "Not used here" not in page(client, "pandabase_apitoken_change", token.pk)


@pytest.mark.parametrize("button", ["test", "report", "verify"])
def test_a_button_that_asks_names_the_confirmation_and_not_the_network(
    button: str, client: Client, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    deploy(ENVIRONMENT="staging")
    asked = sandbox.requests_served
    address = reverse(f"admin:pandabase_apitoken_{button}", args=[token.pk])
    text = client.post(address, follow=True).content.decode()
    assert "until a person confirms it" in text
    assert "proxy" not in text
    assert "shows how far requests get" not in text
    assert sandbox.requests_served == asked


def test_it_needs_its_own_permission(token: ApiToken, deploy: Callable[..., None]) -> None:
    deploy(ENVIRONMENT="staging")
    address = reverse("admin:pandabase_apitoken_confirm", args=[token.pk])
    without = person("view_apitoken", "change_apitoken", "rotate_apitoken", "test_apitoken")
    assert without.get(address).status_code == 403
    assert without.post(address).status_code == 403
    assert address not in page(without, "pandabase_apitoken_change", token.pk)
    User.objects.all().delete()
    assert person("view_apitoken", "confirm_apitoken").get(address).status_code == 200


def test_an_action_that_waits_says_why(
    client: Client, token: ApiToken, sandbox: Sandbox, deploy: Callable[..., None]
) -> None:
    shop = Shop(sandbox, token.store)
    action = actions.refund(shop.order(), reason=REASON)
    assert "waits for a worker" in page(client, "pandabase_remoteaction_change", action.pk)
    deploy(ENVIRONMENT="staging")
    text = page(client, "pandabase_remoteaction_change", action.pk)
    assert "waits for a worker" not in text
    assert "it is not used until a person confirms it" in text
