"""The form of a new token looks at its fields; the page calls the service once."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.test import Client
from django.urls import resolve, reverse

from pandabase_django.admin.tokens.forms import AddTokenForm
from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login


class AnybodysForm(AddTokenForm):
    """As the page of a person who may do everything sets it up."""

    def may_add(self, store: Store) -> bool:  # type: ignore[override]
        return True

    def may_rotate(self, store: Store) -> bool:  # type: ignore[override]
        return True


def filled_in(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    return {
        "store_id": sandbox.store_id,
        "name": "New",
        "mode": "HMAC",
        "token_id": sandbox.hmac_token.token_id,
        "secret": sandbox.hmac_token.secret,
        "api_url": sandbox.url,
        "rotate_after_days": "30",
        "test": "on",
        **changes,
    }


@pytest.mark.django_db
def test_a_valid_form_has_sent_and_stored_nothing(sandbox: Sandbox) -> None:
    served = sandbox.requests_served
    form = AnybodysForm(filled_in(sandbox))
    assert form.is_valid()
    assert sandbox.requests_served == served
    assert not ApiToken.objects.exists()
    assert not Store.objects.exists()


def test_the_page_tests_once_and_stores_what_was_filled_in(sandbox: Sandbox, login: Login) -> None:
    served = sandbox.requests_served
    page = reverse("admin:pandabase_apitoken_add")
    answer = login(superuser=True).post(page, filled_in(sandbox))
    token = ApiToken.objects.get()
    assert answer.status_code == 302
    assert sandbox.requests_served == served + 1
    assert (token.health, token.rotate_after_days) == ("OK", 30)


def test_a_refused_credential_is_tried_once_and_shown_in_the_form(
    sandbox: Sandbox, login: Login
) -> None:
    client: Client = login(superuser=True)
    served = sandbox.requests_served
    wrong = filled_in(sandbox, secret="sk_test_of_nobody_0123456789")
    answer = client.post(reverse("admin:pandabase_apitoken_add"), wrong)
    assert answer.status_code == 200
    (error,) = answer.context["adminform"].form.non_field_errors()
    assert "HTTP 401" in error
    assert sandbox.requests_served == served + 1
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("code", ["1_READ", "ÄÖÜ_READ", "_READ"])
def test_a_code_that_no_service_takes_is_refused_by_the_form(
    token: ApiToken, login: Login, code: str
) -> None:
    page = reverse("admin:pandabase_apitoken_change", args=[token.pk])
    answer = login(superuser=True).post(page, {"name": "Main", "other": code})
    assert answer.status_code == 200
    assert "other" in answer.context["adminform"].form.errors


def test_no_transaction_waits_for_the_test_of_a_credential(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    handler = BaseHandler()
    add, listed = (
        resolve(reverse(f"admin:pandabase_apitoken_{name}")).func for name in ("add", "changelist")
    )
    assert handler.make_view_atomic(add) is add
    assert handler.make_view_atomic(listed) is not listed
