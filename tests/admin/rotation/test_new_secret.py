"""Installing a secret from the dashboard or a kept answer, and replacing a token."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from tests.admin.rotation.forms import (
    REASON,
    State,
    attempt_of,
    filled,
    kept,
    page_url,
    text,
)

# A rotation refuses to run inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def roll_in_the_dashboard(sandbox: Sandbox, token: ApiToken) -> str:
    """As somebody does in the dashboard."""
    found = sandbox._tokens.find(token.token_id)
    assert found is not None
    return sandbox._tokens.roll(found)


def test_an_installed_secret_ends_what_was_lost_and_is_never_shown(
    token: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    lost = attempt_of(token, State.LOST)
    rolled = roll_in_the_dashboard(sandbox, token)
    form = filled(owner, "install", token, secret=rolled, reason=REASON)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        answer = owner.post(page_url("install", token), form, follow=True)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    token.refresh_from_db()
    assert (token.secret.reveal() == rolled, token.secret_version) == (True, 2)
    lost.refresh_from_db()
    assert lost.closed_at is not None
    assert "Done. The token has secret version 2." in text(answer)
    assert rolled not in text(answer) + repr(answer.cookies) + repr(dict(owner.session))
    again = owner.post(page_url("install", token), form, follow=True)
    assert "Nothing was done" in text(again)
    token.refresh_from_db()
    assert token.secret_version == 2


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("sk_test_canary_not_the_secret", "Nothing was changed"),
        ("canary without its prefix", "must start with sk_"),
        ("", "required"),
    ],
)
def test_a_secret_that_does_not_work_is_refused_and_not_echoed(
    token: ApiToken, owner: Client, sandbox: Sandbox, secret: str, words: str
) -> None:
    form = filled(owner, "install", token, secret=secret, reason=REASON)
    page = owner.post(page_url("install", token), form)
    assert page.status_code == 200
    assert words in text(page)
    assert "canary" not in text(page) + repr(page.cookies)
    token.refresh_from_db()
    assert token.secret_version == 1
    assert not RotationAttempt.objects.exists()


def test_a_secret_is_installed_from_a_kept_answer_without_being_shown(
    token: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    rolled = roll_in_the_dashboard(sandbox, token)
    attempt = attempt_of(token, State.HELD, reply=kept({"id": "tok_12345", "v": {"w": rolled}}))
    page = text(owner.get(page_url("change", attempt)))
    assert "v.w" in page
    assert rolled not in page
    wrong = owner.post(page_url("held", attempt), {"place": "id"}, follow=True)
    assert "Nothing was changed" in text(wrong)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        answer = owner.post(page_url("held", attempt), {"place": "v.w"}, follow=True)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert "Pandabase accepts it" in text(answer)
    assert rolled not in text(wrong) + text(answer) + repr(answer.cookies)
    token.refresh_from_db()
    assert (token.secret.reveal() == rolled, token.secret_version) == (True, 2)
    late = owner.post(page_url("held", attempt), {"place": "v.w"}, follow=True)
    assert "Nothing was done: it has changed." in text(late)
    assert owner.get(page_url("held", attempt))["Location"] == page_url("change", attempt)


def test_a_kept_answer_that_can_not_be_opened_is_told(
    token: ApiToken, owner: Client, settings: Any
) -> None:
    attempt = attempt_of(token, State.HELD, reply=kept({"v": "canary_text_1"}))
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [generate_key()]}
    page = text(owner.get(page_url("change", attempt)))
    assert "The kept answer can't be opened" in page
    assert "ENCRYPTION_KEYS" in page


def replace_form(client: Client, token: ApiToken, given: Any, **changes: str) -> dict[str, str]:
    values = {
        "name": "Second",
        "mode": "HMAC",
        "token_id": given.token_id,
        "secret": given.secret,
        "retire_old": "on",
        **changes,
    }
    return filled(client, "replace", token, **values)


def test_another_token_takes_the_place_and_the_old_one_is_to_be_revoked(
    token: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    given = sandbox.add_token()
    answer = owner.post(page_url("replace", token), replace_form(owner, token, given), follow=True)
    new = ApiToken.objects.get(name="Second")
    token.refresh_from_db()
    assert (new.role, token.role) == ("ACTIVE", "RETIRED")
    assert "Revoke Main in the Pandabase dashboard now" in text(answer)
    assert "until it is revoked in the Pandabase dashboard" in text(answer)
    assert given.secret not in text(answer) + repr(answer.cookies)


def test_the_old_token_may_stand_by(token: ApiToken, owner: Client, sandbox: Sandbox) -> None:
    form = replace_form(owner, token, sandbox.add_token())
    del form["retire_old"]
    owner.post(page_url("replace", token), form)
    token.refresh_from_db()
    assert token.role == "STANDBY"


def test_a_replacement_that_lacks_a_permission_in_use_stands_by(
    token: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    with client_for(token) as client:
        client.products.list(limit=1)
    given = sandbox.add_token(permissions=("STORE_READ",))
    answer = owner.post(page_url("replace", token), replace_form(owner, token, given), follow=True)
    token.refresh_from_db()
    assert (token.role, ApiToken.objects.get(name="Second").role) == ("ACTIVE", "STANDBY")
    assert "lacks PRODUCTS_READ" in text(answer)
    assert "nothing was switched" in text(answer)


def test_a_replacement_that_does_not_work_is_not_kept(
    token: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    form = replace_form(owner, token, sandbox.add_token(), secret="sk_test_canary_wrong")
    page = owner.post(page_url("replace", token), form)
    assert "HTTP 401" in text(page)
    assert "canary" not in text(page)
    assert ApiToken.objects.count() == 1
