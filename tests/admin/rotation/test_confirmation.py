"""Confirming a rotation: what the page tells, and what its form starts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.rotation import ways_to_rotate
from pandabase_django.services.tokens.connection import retire_token
from tests.admin.conftest import Login
from tests.admin.rotation.forms import (
    REASON,
    RIGHTS,
    State,
    add,
    attempt_of,
    page_url,
    rolls,
    rotate_form,
    text,
)

# A rotation refuses to run inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_confirmation_tells_what_stops_and_what_is_known(
    token: ApiToken, standby: ApiToken, owner: Client, sandbox: Sandbox
) -> None:
    now = timezone.now()
    run = SyncRun.objects.create(
        store=token.store, resource="orders", trigger="ADMIN", started_at=now, heartbeat_at=now
    )
    before = sandbox.requests_served
    page = text(owner.get(page_url("rotate", token)))
    for words in (
        "What stops",
        token.secret_hint,
        "version 1",
        str(run),
        "Pair rotation: roll Spare",
        "Recommended",
        "Roll Main, signed by Spare",
        "Roll Main, signed by itself",
        "Type its name to go on: Main",
    ):
        assert words in page
    assert sandbox.requests_served == before


def test_without_a_standby_the_confirmation_says_what_one_would_spare(
    token: ApiToken, owner: Client, login: Login
) -> None:
    add_page = reverse("admin:pandabase_apitoken_add")
    adding = login(*RIGHTS, "add_apitoken")
    assert f'href="{add_page}">add one</a> first' in text(adding.get(page_url("rotate", token)))
    assert "add one" not in text(owner.get(page_url("rotate", token)))


def test_a_standby_without_a_token_id_is_said_to_lack_it(
    token: ApiToken, standby: ApiToken, login: Login
) -> None:
    ApiToken.objects.filter(pk=standby.pk).update(token_id="", mode="BEARER")
    page = text(login(*RIGHTS, "add_apitoken").get(page_url("rotate", token)))
    assert f"the standby has no token id (stk_…): {standby.name}." in page
    assert "add one" not in page


def test_confirming_records_the_intent_and_sends_nothing_itself(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any
) -> None:
    before = sandbox.requests_served
    answer = owner.post(page_url("rotate", token), rotate_form(owner, token), follow=True)
    attempt = RotationAttempt.objects.get()
    assert (attempt.state, attempt.reason, attempt.trigger) == ("PREPARED", REASON, "ADMIN")
    assert attempt.started_by is not None
    assert answer.redirect_chain[-1][0] == page_url("change", attempt)
    assert "Nothing has been sent to Pandabase yet" in text(answer)
    message = broker()
    assert message.headers["task"] == "pandabase.rotate_secret"
    assert message.payload[0] == [str(attempt.pk)]
    assert broker() is None
    assert sandbox.requests_served == before
    assert LogEntry.objects.filter(object_id=str(token.pk)).exists()


def test_a_double_click_and_a_reload_send_nothing_twice(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any
) -> None:
    form = rotate_form(owner, token)
    for _ in range(3):
        owner.post(page_url("rotate", token), form)
    attempt = RotationAttempt.objects.get()
    assert broker() is not None
    assert broker() is None
    assert tasks.rotate_secret.apply(args=[str(attempt.pk)]).get() == "DONE"
    answer = owner.post(page_url("rotate", token), form, follow=True)
    assert "Nothing was done" in text(answer)
    assert RotationAttempt.objects.count() == 1
    assert broker() is None
    assert rolls(sandbox) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: {**form, "nonce": ""},
        lambda form: {**form, "nonce": form["nonce"][:-1] + "x"},
        lambda form: {name: value for name, value in form.items() if name != "nonce"},
    ],
)
def test_a_form_without_its_nonce_does_nothing(
    token: ApiToken, owner: Client, broker: Any, spoil: Any
) -> None:
    owner.post(page_url("rotate", token), spoil(rotate_form(owner, token)))
    assert not RotationAttempt.objects.exists()
    assert broker() is None


def test_a_nonce_is_good_for_its_person_token_and_state_alone(
    token: ApiToken, standby: ApiToken, owner: Client, login: Login, broker: Any
) -> None:
    form = rotate_form(owner, token)
    login(*RIGHTS).post(page_url("rotate", token), form)
    owner.post(page_url("rotate", standby), {**form, "way": "itself"})
    ApiToken.objects.filter(pk=token.pk).update(secret_version=2)
    owner.post(page_url("rotate", token), form)
    assert not RotationAttempt.objects.exists()
    assert broker() is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": " "}, "required"),
        ({"typed_name": "main"}, "not the name of this token"),
        ({"typed_name": ""}, "required"),
        ({"way": "by:somebody"}, "Select a valid choice"),
        ({"reason": "x" * 501}, "500"),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_recorded(
    token: ApiToken, owner: Client, broker: Any, changes: dict[str, str], words: str
) -> None:
    page = owner.post(page_url("rotate", token), rotate_form(owner, token, **changes))
    assert page.status_code == 200
    assert words in text(page)
    assert not RotationAttempt.objects.exists()
    assert broker() is None


def test_a_standby_needs_no_typed_name(
    token: ApiToken, standby: ApiToken, owner: Client, broker: Any
) -> None:
    form = rotate_form(owner, standby, way=f"by:{token.pk}")
    del form["typed_name"]
    owner.post(page_url("rotate", standby), form)
    attempt = RotationAttempt.objects.get()
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, False)


def test_a_pair_rotation_ends_with_the_roles_changed(
    token: ApiToken, standby: ApiToken, owner: Client, broker: Any
) -> None:
    owner.post(page_url("rotate", token), rotate_form(owner, token))
    attempt = RotationAttempt.objects.get()
    assert (attempt.token, attempt.signer, attempt.flip) == (standby, token, True)
    assert tasks.rotate_secret.apply(args=[str(attempt.pk)]).get() == "DONE"
    standby.refresh_from_db()
    token.refresh_from_db()
    assert (standby.role, standby.secret_version) == ("ACTIVE", 2)
    assert (token.role, token.secret_version) == ("STANDBY", 1)
    page = text(owner.get(page_url("change", attempt)))
    assert "Done. The token has secret version 2." in page


def test_ways_leave_out_tokens_that_can_not_serve(
    token: ApiToken, standby: ApiToken, sandbox: Sandbox
) -> None:
    suspect, retired, busy = (add(sandbox, name=name) for name in ("Suspect", "Retired", "Busy"))
    ApiToken.objects.filter(pk=suspect.pk).update(health=ApiToken.Health.SUSPECT)
    retire_token(retired)
    attempt_of(busy, State.WATCHING)
    ways = ways_to_rotate(token)
    assert [way.key for way in ways] == [f"pair:{standby.pk}", f"by:{standby.pk}", "itself"]
    add(sandbox, name="Second spare")
    assert [way.folded for way in ways_to_rotate(token)] == [False] * 3 + [True] * 2
    ApiToken.objects.filter(pk=token.pk).update(token_id="", mode="BEARER")
    token.refresh_from_db()
    assert ways_to_rotate(token) == []


def test_an_open_rotation_leaves_the_ways_that_answer_it(
    token: ApiToken, standby: ApiToken, owner: Client, broker: Any
) -> None:
    watched = attempt_of(token, State.WATCHING)
    assert [way.key for way in ways_to_rotate(token)] == [f"pair:{standby.pk}"]
    RotationAttempt.objects.filter(pk=watched.pk).update(state=State.LOST)
    assert [way.key for way in ways_to_rotate(token)] == [f"by:{standby.pk}"]
    page = text(owner.get(page_url("rotate", token)))
    assert "is open already" in page
    assert page_url("change", watched) in page
    owner.post(page_url("rotate", token), rotate_form(owner, token))
    again = RotationAttempt.objects.get(state=State.PREPARED)
    assert tasks.rotate_secret.apply(args=[str(again.pk)]).get() == "DONE"
    watched.refresh_from_db()
    assert watched.closed_at is not None
    retire_token(standby)
    attempt_of(token, State.HELD)
    assert ways_to_rotate(token) == []
    page = text(owner.get(page_url("rotate", token)))
    assert "An earlier rotation is open" in page
    assert page_url("install", token) in page


def test_a_token_without_an_id_is_led_to_installing(token: ApiToken, owner: Client) -> None:
    ApiToken.objects.filter(pk=token.pk).update(token_id="", mode="BEARER")
    page = text(owner.get(page_url("rotate", token)))
    assert "no token id" in page
    assert page_url("install", token) in page


def test_a_broker_that_is_down_leaves_a_way_to_go_on(
    token: ApiToken,
    owner: Client,
    sandbox: Sandbox,
    dead_broker: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = owner.post(page_url("rotate", token), rotate_form(owner, token), follow=True)
    assert "the broker does not answer" in text(answer)
    assert "Nothing is sent twice" in text(answer)
    attempt = RotationAttempt.objects.get()
    assert page_url("resume", attempt) in text(answer)
    assert rolls(sandbox) == 0


def test_handing_over_again_sends_one_request(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any
) -> None:
    owner.post(page_url("rotate", token), rotate_form(owner, token))
    attempt = RotationAttempt.objects.get()
    assert owner.get(page_url("resume", attempt))["Location"] == page_url("change", attempt)
    for _ in range(2):
        owner.post(page_url("resume", attempt))
    delivered = [broker() for _ in range(3)]
    assert {message.payload[0][0] for message in delivered} == {str(attempt.pk)}
    for message in delivered:
        tasks.rotate_secret.apply(args=message.payload[0])
    assert rolls(sandbox) == 1
    late = owner.post(page_url("resume", attempt), follow=True)
    assert "Nothing was done: it has changed." in text(late)


def test_a_request_that_is_rolled_back_sends_nothing(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any, settings: Any
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("after the intent was recorded")

    form = rotate_form(owner, token)
    owner.raise_request_exception = False
    post_save.connect(fail, sender=LogEntry)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert owner.post(page_url("rotate", token), form).status_code == 500
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
        post_save.disconnect(fail, sender=LogEntry)
    assert not RotationAttempt.objects.exists()
    assert broker() is None
    # Nothing was done, so the same form is still good.
    owner.post(page_url("rotate", token), form)
    assert broker() is not None


def test_the_action_leads_to_the_confirmation_of_one_token(
    token: ApiToken, standby: ApiToken, owner: Client, login: Login
) -> None:
    url = reverse("admin:pandabase_apitoken_changelist")
    chosen = {"action": "rotate_secret", "_selected_action": [str(token.pk)]}
    assert owner.post(url, chosen).headers["Location"] == page_url("rotate", token)
    both = {**chosen, "_selected_action": [str(token.pk), str(standby.pk)]}
    assert "Choose one token" in text(owner.post(url, both, follow=True))
    assert "rotate_secret" not in text(login("view_apitoken").get(url))
    assert not RotationAttempt.objects.exists()
