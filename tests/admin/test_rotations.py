"""Rotating, installing and replacing a secret in the admin, and what the pages tell of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.admin.rotation_forms import ways_to_rotate
from pandabase_django.api.replies import RawReply
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.connection import add_token, retire_token
from pandabase_django.services.rotation.replies import packed
from tests.admin.conftest import Login

# A rotation refuses to run inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)

State = RotationAttempt.State
REASON = "A laptop was lost."
RIGHTS = ("view_apitoken", "view_rotationattempt", "rotate_apitoken")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=4, products=3, orders=3) as running:
        yield running


def add(sandbox: Sandbox, *, name: str, permissions: Any = None) -> ApiToken:
    given = sandbox.add_token(permissions=permissions) if permissions else sandbox.add_token()
    return add_token(
        store_id=sandbox.store_id,
        mode=given.mode,
        secret=Secret(given.secret),
        token_id=given.token_id,
        name=name,
        base_url=sandbox.url,
    )


@pytest.fixture
def standby(token: ApiToken, sandbox: Sandbox) -> ApiToken:
    return add(sandbox, name="Spare")


@pytest.fixture
def owner(login: Login) -> Client:
    return login(*RIGHTS)


def page_url(name: str, row: ApiToken | RotationAttempt) -> str:
    model = type(row)._meta.model_name
    return reverse(f"admin:pandabase_{model}_{name}", args=[quote(str(row.pk))])


def nonce_on(page: Any) -> str:
    return str(page.context["form"]["nonce"].initial)


def filled(client: Client, page: str, row: ApiToken, /, **values: str) -> dict[str, str]:
    """A form as its page gives it, with these values."""
    return {"nonce": nonce_on(client.get(page_url(page, row))), **values}


def rotate_form(client: Client, token: ApiToken, **changes: str) -> dict[str, str]:
    way = ways_to_rotate(token)[0].key
    values = {"way": way, "reason": REASON, "typed_name": token.name, **changes}
    return filled(client, "rotate", token, **values)


def rolls(sandbox: Sandbox) -> int:
    return sum(entry["path"].endswith("/roll-secret") for entry in sandbox.requests())


def text(answer: Any) -> str:
    return str(answer.content.decode())


def attempt_of(token: ApiToken, state: str, **columns: Any) -> RotationAttempt:
    now = timezone.now()
    values = {
        "signer": token,
        "trigger": RotationAttempt.Trigger.ADMIN,
        "reason": REASON,
        "from_version": 1,
        "prepared_at": now,
        "sent_at": now,
        "watch_until": now + timedelta(hours=1),
        **columns,
    }
    return RotationAttempt.objects.create(token=token, state=state, **values)


def kept(body: Any) -> Secret:
    raw = RawReply(status=200, request_id="req_kept", body=json.dumps(body).encode())
    return packed(raw)


# -- confirming -------------------------------------------------------------------------------


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


def test_confirming_records_the_intent_and_sends_nothing_itself(
    token: ApiToken, owner: Client, sandbox: Sandbox, broker: Any
) -> None:
    before = sandbox.requests_served
    answer = owner.post(page_url("rotate", token), rotate_form(owner, token), follow=True)
    attempt = RotationAttempt.objects.get()
    assert (attempt.state, attempt.reason, attempt.trigger) == ("PREPARED", REASON, "ADMIN")
    assert attempt.started_by is not None
    assert answer.redirect_chain[-1][0] == page_url("change", attempt)
    assert "Nothing was sent to Pandabase yet" in text(answer)
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
    assert owner.get(page_url("resume", attempt)).status_code == 405
    for _ in range(2):
        owner.post(page_url("resume", attempt))
    delivered = [broker() for _ in range(3)]
    assert {message.payload[0][0] for message in delivered} == {str(attempt.pk)}
    for message in delivered:
        tasks.rotate_secret.apply(args=message.payload[0])
    assert rolls(sandbox) == 1
    assert owner.post(page_url("resume", attempt)).status_code == 404


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


# -- who may -----------------------------------------------------------------------------------


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


# -- outcomes ----------------------------------------------------------------------------------

SENTENCES = {
    State.PREPARED: "Nothing was sent to Pandabase yet",
    State.SENT: "The answer is not here yet",
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
    assert "Then it was ended, whatever its state." in page
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


# -- installing ---------------------------------------------------------------------------------


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
    form = filled(owner, "install", token, new_secret=rolled, reason=REASON)
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
    form = filled(owner, "install", token, new_secret=secret, reason=REASON)
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
    assert owner.post(page_url("held", attempt), {"place": "v.w"}).status_code == 404
    assert owner.get(page_url("held", attempt)).status_code == 405


def test_a_kept_answer_that_can_not_be_opened_is_told(
    token: ApiToken, owner: Client, settings: Any
) -> None:
    from pandabase_django.crypto.keyring import generate_key

    attempt = attempt_of(token, State.HELD, reply=kept({"v": "canary_text_1"}))
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [generate_key()]}
    page = text(owner.get(page_url("change", attempt)))
    assert "The kept answer can't be opened" in page
    assert "ENCRYPTION_KEYS" in page


# -- replacing ----------------------------------------------------------------------------------


def replace_form(client: Client, token: ApiToken, given: Any, **changes: str) -> dict[str, str]:
    values = {
        "name": "Second",
        "mode": "HMAC",
        "token_id": given.token_id,
        "new_secret": given.secret,
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
    from pandabase_django.services import client_for

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
    form = replace_form(owner, token, sandbox.add_token(), new_secret="sk_test_canary_wrong")
    page = owner.post(page_url("replace", token), form)
    assert "HTTP 401" in text(page)
    assert "canary" not in text(page)
    assert ApiToken.objects.count() == 1


# -- banner and policy -----------------------------------------------------------------------------


def test_a_banner_stands_on_every_page_while_a_person_is_needed(
    token: ApiToken, login: Login
) -> None:
    rights = ("view_product", "view_apitoken", "view_requestlog")
    seeing, other = login(*rights, "view_rotationattempt"), login(*rights)
    pages = [
        reverse("admin:pandabase_product_changelist"),
        reverse("admin:pandabase_requestlog_changelist"),
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
