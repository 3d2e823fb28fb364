"""In the admin a store is called only at Pandabase's addresses, or those that the settings name.

Whoever answers there says which orders are paid, and gives the address at which buyers pay.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.checkout.clients import public_base_url
from pandabase_django.services.health.system import check_settings
from pandabase_django.services.tokens.connection import add_token, retire_token
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

LIVE, TEST = "https://api.pandabase.io", "https://api.sandbox.pandabase.io"
GATEWAY, EVIL = "https://gateway.example", "https://evil.example"
SECRET = "sk_live_0123456789abcdef"


@pytest.fixture
def clerk(login: Login) -> Client:
    """May add and change tokens: not rotate, confirm or register, and no page of stores."""
    return login("view_apitoken", "add_apitoken", "change_apitoken")


@pytest.fixture
def settings(settings: Any) -> Any:
    """As a shop has them: no API_HOSTS, and API_URL as it is by itself."""
    return configure(settings)


def configure(settings: Any, **changes: Any) -> Any:
    settings.PANDABASE = {**settings.PANDABASE, "API_HOSTS": (), **changes}
    return settings


def token(base_url: str, *, mark: str | None = None, name: str = "First") -> ApiToken:
    """A token of the store as a command adds it; the store then has this mark."""
    made = add_token(
        store_id="shp_1",
        name=name,
        mode="BEARER",
        secret=Secret(SECRET),
        base_url=base_url,
        test=False,
    )
    if mark is not None:
        Store.objects.update(mark=mark)
    return made


def add(client: Client, base_url: str, *, store: str = "shp_1") -> str:
    data = {"store_id": store, "name": "Mine", "mode": "BEARER", "secret": SECRET}
    answer = client.post(reverse("admin:pandabase_apitoken_add"), {**data, "api_url": base_url})
    return answer.content.decode() if answer.status_code == 200 else ""


def activate(client: Client, made: ApiToken) -> str:
    url = reverse("admin:pandabase_apitoken_activate", args=[made.pk])
    return client.post(url, follow=True).content.decode()


def is_called_at(store: str = "shp_1") -> str:
    return public_base_url(Store.objects.get(pk=store))


@pytest.mark.parametrize(
    "address",
    [
        EVIL,
        "https://api.pandabase.io.evil.example",
        "https://evilpandabase.io",
        "https://api.pandabase.io.",
        "https://api.pandabase.io@evil.example",
        "https://pandabase.io",
        "https://127.0.0.1.evil.example",
        "https://10.0.0.1",
    ],
)
@pytest.mark.parametrize("mark", ["LIVE", "TEST", ""])
def test_no_store_is_led_elsewhere(settings: Any, clerk: Client, address: str, mark: str) -> None:
    token(LIVE, mark=mark)
    assert "errornote" in add(clerk, address)
    assert "errornote" in add(clerk, address, store="shp_new")
    assert ApiToken.objects.count() == 1
    assert is_called_at() == LIVE


@pytest.mark.parametrize("mark", ["LIVE", "TEST", ""])
def test_a_token_from_before_is_not_made_active(settings: Any, clerk: Client, mark: str) -> None:
    token(LIVE, mark="")
    old = token(EVIL, mark=mark, name="Old")
    assert "API_HOSTS" in activate(clerk, old)
    assert is_called_at() == LIVE


def test_pandabases_own_addresses_are_known(settings: Any, clerk: Client) -> None:
    assert add(clerk, LIVE, store="shp_live") == ""
    assert add(clerk, TEST, store="shp_test") == ""
    assert add(clerk, "https://API.Pandabase.io:443", store="shp_live") == ""
    second = ApiToken.objects.get(store="shp_live", role="STANDBY")
    activate(clerk, second)
    second.refresh_from_db()
    assert second.is_active


@pytest.mark.parametrize(
    ("changes", "address", "known"),
    [
        ({}, GATEWAY, False),
        ({"API_HOSTS": ["Gateway.example"]}, GATEWAY, True),
        ({"API_HOSTS": ["Gateway.example"]}, f"{GATEWAY}:8443", True),
        ({"API_HOSTS": ["gateway.example"]}, EVIL, False),
        ({"API_HOSTS": [".example"]}, GATEWAY, True),
        ({"API_URL": GATEWAY}, GATEWAY, True),
        ({"API_URL": GATEWAY}, LIVE, True),
        ({"API_URL": "no address"}, LIVE, True),
        ({"API_URL": "no address"}, GATEWAY, False),
        # Sandboxes: who answers on this machine has more rights than people of the admin.
        ({}, "http://127.0.0.1:9000", True),
        ({}, "http://localhost:9001", True),
        ({}, "http://[::1]:9002", True),
    ],
)
def test_the_settings_name_further_ones(
    settings: Any, clerk: Client, changes: dict[str, Any], address: str, known: bool
) -> None:
    configure(settings, **changes)
    page = add(clerk, address, store="shp_new")
    assert (page == "") is known
    assert ApiToken.objects.exists() is known
    old = token(address)
    activate(clerk, old)
    old.refresh_from_db()
    assert old.is_active or not known


@pytest.mark.parametrize("address", [GATEWAY, TEST, "http://127.0.0.1:9000"])
def test_a_live_store_stays_at_live_addresses(settings: Any, clerk: Client, address: str) -> None:
    """Also where the host may be named: for other stores it is right."""
    configure(settings, API_HOSTS=["gateway.example"])
    token(LIVE)
    assert "change the mark" in add(clerk, address)
    Store.objects.update(mark="")
    second = token(address, mark="LIVE", name="Second")
    assert "change the mark" in activate(clerk, second)
    assert is_called_at() == LIVE
    Store.objects.update(mark="")
    activate(clerk, second)
    assert is_called_at() == address


def test_a_live_store_that_is_called_at_a_gateway_stays_there(settings: Any, clerk: Client) -> None:
    configure(settings, API_HOSTS=["gateway.example"])
    token(GATEWAY, mark="LIVE")
    assert add(clerk, GATEWAY) == ""
    activate(clerk, ApiToken.objects.get(name="Mine"))
    assert ApiToken.objects.get(name="Mine").is_active
    # It moves to a live address, and not back.
    assert add(clerk, LIVE) == ""
    activate(clerk, ApiToken.objects.get(base_url=LIVE))
    assert is_called_at() == LIVE
    assert "change the mark" in activate(clerk, ApiToken.objects.get(name="First"))


@pytest.mark.parametrize("address", [GATEWAY, TEST, "http://127.0.0.1:9000"])
def test_a_live_store_without_an_active_token_gets_one_at_the_shops_own_gateway(
    settings: Any, clerk: Client, address: str
) -> None:
    """The active one was disabled in a hurry; a sandbox that the settings name is no gateway."""
    configure(settings, API_URL=address)
    retire_token(token(address, mark="LIVE"))
    page = add(clerk, address)
    if address == GATEWAY:
        assert page == ""
        assert is_called_at() == GATEWAY
    else:
        assert "change the mark" in page


def test_commands_take_any_address(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token(LIVE)
    monkeypatch.setenv("PANDABASE_TOKEN_SECRET", SECRET)
    command = ("pandabase_add_token", "--store", "shp_1", "--mode", "bearer", "--no-test")
    call_command(*command, "--base-url", GATEWAY, "--activate", stdout=io.StringIO())
    assert is_called_at() == GATEWAY


@pytest.mark.parametrize("hosts", ["shop.example", ["*"], ["https://shop.example"], [1], [""]])
def test_a_malformed_setting_is_refused(settings: Any, hosts: Any) -> None:
    configure(settings, API_HOSTS=hosts)
    with pytest.raises(ConfigurationError, match="API_HOSTS"):
        _ = conf.api_hosts
    assert [message.id for message in check_settings(None)] == ["pandabase.E001"]
