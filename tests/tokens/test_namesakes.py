"""One token in use per store, address and token id: two rows of one credential undo each other."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import StateConflict
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.connection import activate_token, add_token, retire_token
from pandabase_django.services.tokens.replacement import replace_token

pytestmark = pytest.mark.django_db


def again(token: ApiToken, **changes: Any) -> ApiToken:
    arguments: dict[str, Any] = {
        "store_id": token.store_id,
        "mode": token.mode,
        "secret": Secret("sk_any_secret_at_all"),
        "token_id": token.token_id,
        "base_url": token.base_url,
        "test": False,
        **changes,
    }
    return add_token(**arguments)


@pytest.mark.parametrize("mode", ["HMAC", "BEARER"])
def test_a_second_row_of_a_token_in_use_is_refused(token: ApiToken, mode: str) -> None:
    with pytest.raises(ValueError, match=r"has the token id stk_.* already\. Install its new"):
        again(token, mode=mode, base_url=f" {token.base_url}/ ")
    assert ApiToken.objects.count() == 1
    with pytest.raises(ValueError, match="has the token id"):
        replace_token(
            token,
            name="New",
            mode=mode,
            token_id=token.token_id,
            secret=Secret("sk_any_secret_at_all"),
            retire=True,
        )


def test_the_same_id_elsewhere_and_no_id_are_other_tokens(token: ApiToken) -> None:
    again(token, base_url="https://api.sandbox.pandabase.io")
    again(token, store_id="shp_another")
    for _ in range(2):
        again(token, mode="BEARER", token_id="")
    assert ApiToken.objects.count() == 5


def test_once_the_first_is_disabled_it_can_be_added_and_not_be_brought_back(
    token: ApiToken,
) -> None:
    retire_token(token)
    second = again(token)
    with pytest.raises(StateConflict, match="Install the secret there, or disable it first"):
        activate_token(token)
    retire_token(second)
    activate_token(token)
    assert token.role == "ACTIVE"


def test_the_database_itself_refuses_it(token: ApiToken) -> None:
    twin = ApiToken(
        store=token.store,
        name="Twin",
        mode="HMAC",
        token_id=token.token_id,
        base_url=token.base_url,
        secret=Secret("sk_x"),
        role="STANDBY",
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
    twin.role = "RETIRED"
    twin.save()


def test_page_and_command_say_so(
    token: ApiToken, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "store_id": token.store_id,
        "name": "Twin",
        "mode": "HMAC",
        "token_id": token.token_id,
        "secret": "sk_any_secret_at_all",
        "api_url": token.base_url,
        "rotate_after_days": "1",
    }
    page = admin_client.post(reverse("admin:pandabase_apitoken_add"), given)
    assert "has the token id" in page.content.decode()
    monkeypatch.setenv("PANDABASE_TOKEN_SECRET", "sk_any_secret_at_all")
    command = ("pandabase_add_token", "--store", token.store_id, "--mode", "hmac", "--no-test")
    where = ("--token-id", token.token_id, "--base-url", token.base_url)
    with pytest.raises(CommandError, match="has the token id") as caught:
        call_command(*command, *where, stdout=io.StringIO())
    assert caught.value.returncode == 2
    retire_token(token)
    second = again(token)
    url = reverse("admin:pandabase_apitoken_activate", args=[token.pk])
    page = admin_client.post(url, follow=True)
    assert f"{second.name} has the token id" in page.content.decode()
    assert ApiToken.objects.count() == 2
