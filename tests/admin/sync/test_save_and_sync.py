"""“Save and sync”: a store's first sync is asked for with its token."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import MIRRORED
from tests.admin.conftest import Login
from tests.admin.sites.by_object_urls import CLOSED_STORE

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "admin:pandabase_apitoken_add"
MAY_ADD = ("view_apitoken", "add_apitoken")
BUTTON = '<input type="submit" value="Save and sync" name="_sync">'


def post(client: Client, sandbox: Sandbox, **more: str) -> str:
    data = {
        "store_id": sandbox.store_id,
        "name": "First",
        "mode": "HMAC",
        "token_id": sandbox.hmac_token.token_id,
        "secret": sandbox.hmac_token.secret,
        "api_url": sandbox.url,
        **more,
    }
    return client.post(reverse(ADD), data, follow=True).content.decode()


def sent(broker: Any) -> list[tuple[str, Any]]:
    found = []
    while (message := broker()) is not None:
        found.append((message.headers["task"], message.payload[0]))
    return found


def test_the_button_saves_and_hands_the_stores_sync_to_the_workers(
    sandbox: Sandbox, login: Login, broker: Any
) -> None:
    shown = post(login(*MAY_ADD, "run_sync"), sandbox, test="on", _sync="Save and sync")
    assert ApiToken.objects.get().role == "ACTIVE"
    assert "was handed to the workers" in shown
    messages = sent(broker)
    assert ("pandabase.sync_products", [sandbox.store_id]) in messages
    assert ("pandabase.sync_orders", [sandbox.store_id]) in messages
    # Not only what is read often: whoever asks expects all lists to be filled.
    assert len(messages) == len(MIRRORED)


def test_save_alone_asks_for_nothing(sandbox: Sandbox, login: Login, broker: Any) -> None:
    assert "handed to the workers" not in post(login(*MAY_ADD, "run_sync"), sandbox, _save="Save")
    assert ApiToken.objects.count() == 1
    assert sent(broker) == []


def test_the_button_is_shown_to_whoever_may_sync_and_to_nobody_else(
    sandbox: Sandbox, login: Login, broker: Any
) -> None:
    assert BUTTON in login(*MAY_ADD, "run_sync").get(reverse(ADD)).content.decode()
    refused = login(*MAY_ADD)
    assert BUTTON not in refused.get(reverse(ADD)).content.decode()
    shown = post(refused, sandbox, _sync="Save and sync")
    assert "you may not sync this store" in shown
    assert ApiToken.objects.count() == 1
    assert sent(broker) == []


def test_only_the_page_that_adds_has_it(token: ApiToken, login: Login) -> None:
    page = reverse("admin:pandabase_apitoken_change", args=[token.pk])
    assert BUTTON not in login(superuser=True).get(page).content.decode()


def test_a_refused_credential_starts_no_sync(sandbox: Sandbox, login: Login, broker: Any) -> None:
    client = login(superuser=True)
    shown = post(client, sandbox, test="on", secret="sk_wrong", _sync="Save and sync")
    assert not ApiToken.objects.exists()
    assert BUTTON in shown
    assert sent(broker) == []


def test_a_broker_that_is_down_is_told_and_the_token_is_kept(
    sandbox: Sandbox, login: Login, dead_broker: None
) -> None:
    shown = post(login(superuser=True), sandbox, _sync="Save and sync")
    assert "The broker does not answer" in shown
    assert ApiToken.objects.get().role == "ACTIVE"


def test_a_store_without_an_active_token_is_not_synced(
    token: ApiToken, sandbox: Sandbox, login: Login, broker: Any
) -> None:
    ApiToken.objects.update(role="RETIRED")
    shown = post(login(superuser=True), sandbox, _sync="Save and sync")
    assert "make a token of this store active first" in shown
    assert ApiToken.objects.get(name="First").role == "STANDBY"
    assert sent(broker) == []


def test_a_shops_own_rule_about_syncs_is_asked_of_the_store(
    sandbox: Sandbox, login: Login, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib import admin

    monkeypatch.setattr(
        type(admin.site._registry[Store]), "has_run_sync_permission", lambda *_: False
    )
    shown = post(login(superuser=True), sandbox, _sync="Save and sync")
    assert "you may not sync this store" in shown
    assert sent(broker) == []


def test_nothing_is_saved_or_synced_out_of_scope(
    sandbox: Sandbox, login: Login, broker: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.sites.by_object_urls"
    shown = post(login(superuser=True), sandbox, store_id=CLOSED_STORE, _sync="Save and sync")
    assert "You may not add a token to this store." in shown
    assert not ApiToken.objects.exists()
    assert sent(broker) == []
