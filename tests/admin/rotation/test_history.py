"""Who sees which rotations, what each state says, and where it is told."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.connection import retire_token
from tests.admin.conftest import Login
from tests.admin.rotation.forms import (
    REASON,
    RIGHTS,
    State,
    attempt_of,
    kept,
    page_url,
    rotate_form,
    text,
)

# A rotation refuses to run inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", ["rotate", "install", "replace"])
def test_the_pages_are_closed_without_the_right_to_rotate(
    token: ApiToken, login: Login, name: str
) -> None:
    for client in (login("view_apitoken", "change_apitoken"), login("rotate_apitoken"), login()):
        assert client.get(page_url(name, token)).status_code == 403
        assert client.post(page_url(name, token), {}).status_code == 403
    owner = login(*RIGHTS)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    assert strict.post(page_url(name, token), {}).status_code == 403
    retire_token(token)
    assert owner.get(page_url(name, token)).status_code == 404


def test_a_viewer_sees_the_history_and_no_button(token: ApiToken, login: Login) -> None:
    attempt = attempt_of(token, State.LOST, request_id="req_17", fingerprint="f00d")
    viewer = login("view_apitoken", "view_rotationattempt")
    on_token, on_attempt = (
        text(viewer.get(page_url("change", row)))
        for row in (token, attempt)  # type: ignore[attr-defined]
    )
    assert page_url("change", attempt) in on_token
    for words in ("Lost. Nobody can read the new secret.", "req_17", "f00d", REASON):
        assert words in on_attempt
    for page in (on_token, on_attempt):
        for name in ("rotate", "install", "replace"):
            assert page_url(name, token) not in page
    assert viewer.post(page_url("held", attempt)).status_code == 403
    assert page_url("change", attempt) not in text(
        login("view_apitoken").get(page_url("change", token))
    )


def test_nobody_changes_the_history(token: ApiToken, login: Login) -> None:
    attempt = attempt_of(token, State.DONE, closed_at=timezone.now(), to_version=2)
    root = login(superuser=True)
    before = RotationAttempt.objects.filter(pk=attempt.pk).values().get()
    add_page = reverse("admin:pandabase_rotationattempt_add")
    assert root.get(add_page).status_code == 403
    for url in (add_page, page_url("change", attempt), page_url("delete", attempt)):
        assert root.post(url, {"post": "yes", "reason": "none"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(attempt.pk), "post": "yes"}
    root.post(reverse("admin:pandabase_rotationattempt_changelist"), chosen)
    assert RotationAttempt.objects.filter(pk=attempt.pk).values().get() == before
    assert root.post(page_url("delete", token), {"post": "yes"}).status_code == 403


def test_the_trial_rows_of_the_journal_are_no_history(token: ApiToken, owner: Client) -> None:
    trial = attempt_of(token, State.FAILED_SAFE, from_version=0, closed_at=timezone.now())
    listed = text(owner.get(reverse("admin:pandabase_rotationattempt_changelist")))
    assert str(trial.pk) not in listed


SENTENCES = {
    State.PREPARED: "Nothing has been sent to Pandabase yet",
    State.SENT: "The answer has not arrived yet",
    State.JOURNALED: "The new secret is being tried",
    State.VERIFIED: "It is being stored",
    State.DONE: "Done. The token has secret version 2",
    State.FAILED_SAFE: "The old secret works",
    State.WATCHING: "It is being watched",
    State.HELD: "no secret in it works",
    State.LOST: "Nobody can read the new secret",
}
CLOSED = (State.DONE, State.FAILED_SAFE)


@pytest.mark.parametrize("state", list(State))
def test_each_state_has_a_page_that_says_what_it_means(
    token: ApiToken, owner: Client, sandbox: Sandbox, state: RotationAttempt.State
) -> None:
    ended = {"closed_at": timezone.now(), "to_version": 2} if state in CLOSED else {}
    attempt = attempt_of(token, state, reply=kept({"a": "canary_text_1"}), **ended)
    page = text(owner.get(page_url("change", attempt)))
    assert SENTENCES[state] in page
    for heading in ("What happened", "What it means", "Next step"):
        assert heading in page
    follows_itself = state not in (*CLOSED, State.HELD, State.LOST)
    assert (page_url("live", attempt) in page) is follows_itself
    assert ('http-equiv="refresh"' in page) is follows_itself
    leads_to_install = state in (State.WATCHING, State.HELD, State.LOST, State.FAILED_SAFE)
    assert (page_url("install", token) in page) is leads_to_install
    live = owner.get(page_url("live", attempt)).json()
    assert (live["open"], SENTENCES[state] in live["texts"]["headline"]) == (follows_itself, True)
    assert "canary_text_1" not in page + json.dumps(live)


def test_a_wait_for_running_syncs_is_told(token: ApiToken, owner: Client) -> None:
    attempt = attempt_of(token, State.PREPARED, sent_at=None, phase="Waiting for orders (17)")
    page = text(owner.get(page_url("change", attempt)))
    assert "A worker has it" in page
    assert "Waiting for orders (17)" in page
    live = owner.get(page_url("live", attempt)).json()
    assert (live["open"], live["texts"]["phase"]) == (True, "Waiting for orders (17)")


def test_an_end_that_something_has_ended_says_so(token: ApiToken, owner: Client) -> None:
    attempt = attempt_of(token, State.LOST, closed_at=timezone.now())
    page = text(owner.get(page_url("change", attempt)))
    assert "Then the rotation was closed." in page
    assert page_url("install", token) not in page


def test_a_refusal_tells_the_way_round(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any
) -> None:
    sandbox.set(roll_callers="nobody")
    owner.post(page_url("rotate", token), rotate_form(owner, token))
    attempt = RotationAttempt.objects.get()
    assert tasks.rotate_secret.apply(args=[str(attempt.pk)]).get() == "FAILED_SAFE"
    attempt.refresh_from_db()
    page = text(owner.get(page_url("change", attempt)))
    assert "Not rotated. The old secret works." in page
    assert attempt.request_id
    assert attempt.request_id in page
    assert "dashboard and install it here" in page
    assert page_url("install", token) in page


def test_a_banner_stands_on_every_page_while_a_person_is_needed(
    token: ApiToken, login: Login
) -> None:
    rights = ("view_product", "view_apitoken", "view_requestlog", "view_webhookendpoint")
    seeing, other = login(*rights, "view_rotationattempt"), login(*rights)
    pages = [
        reverse("admin:pandabase_product_changelist"),
        reverse("admin:pandabase_requestlog_changelist"),
        reverse("admin:pandabase_webhookendpoint_changelist"),
        page_url("change", token),
    ]
    for state in (State.WATCHING, State.HELD, State.LOST):
        attempt = attempt_of(token, state)
        for page in pages:
            assert "What to do" in text(seeing.get(page))
            assert "What to do" not in text(other.get(page))
        assert "What to do" not in text(seeing.get(page_url("change", attempt)))
        RotationAttempt.objects.filter(pk=attempt.pk).update(closed_at=timezone.now())
        for page in pages:
            assert "What to do" not in text(seeing.get(page))


def test_the_banner_costs_one_query(token: ApiToken, owner: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(reverse("admin:pandabase_apitoken_changelist")).status_code == 200
        return len([q for q in captured if "rotationattempt" in q["sql"]])

    assert queries() == 1
    attempt_of(token, State.LOST)
    assert queries() == 1


def test_the_history_costs_the_same_with_five_rows_as_with_fifty(
    token: ApiToken, standby: ApiToken, owner: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner.get(reverse("admin:pandabase_rotationattempt_changelist"))
        return len(captured)

    def more(count: int) -> None:
        for _ in range(count):
            attempt_of(token, State.DONE, closed_at=timezone.now(), signer=standby)

    more(5)
    queries()  # warms Django's own caches
    few = queries()
    more(45)
    assert queries() == few


def test_the_age_policy_shows_when_the_secret_is_due(token: ApiToken, owner: Client) -> None:
    assert "rotated by hand only" in text(owner.get(page_url("change", token)))
    ApiToken.objects.filter(pk=token.pk).update(rotate_after_days=90)
    assert "The schedule rotates it next:" in text(owner.get(page_url("change", token)))
    long_ago = timezone.now() - timedelta(days=100)
    ApiToken.objects.filter(pk=token.pk).update(secret_set_at=long_ago)
    assert "It was due for rotation on" in text(owner.get(page_url("change", token)))


def test_an_unknown_row_has_no_page(token: ApiToken, owner: Client) -> None:
    ghost = ApiToken(pk=uuid.uuid4())
    for name in ("rotate", "install", "replace"):
        assert owner.get(page_url(name, ghost)).status_code in (403, 404)
