"""One secret goes through everything, and is looked for everywhere it must not be."""

from __future__ import annotations

import io
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.views.debug import technical_500_response

from pandabase_django.api.wire.replies import RawReply
from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, PandabaseError
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.rotation.replies import packed
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import add_token
from tests.connecting import connect

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "sk_test_canary_f00dfeedbeef_7Q"


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = ["", *logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    logging.getLogger().addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(params=["HMAC", "BEARER"])
def token(request: pytest.FixtureRequest, sandbox: Sandbox) -> ApiToken:
    return connect(sandbox, sandbox.add_token(mode=request.param, secret=CANARY))


def shown(error: BaseException) -> str:
    """An error as the worst logger shows it: with the local variables of every frame."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format()) + repr(error) + repr(getattr(error, "__dict__", ""))


def test_no_log_no_row_and_no_output_shows_it(
    token: ApiToken, sandbox: Sandbox, everything_logged: io.StringIO
) -> None:
    out = io.StringIO()
    for resource in ("products", "orders"):
        sync_resource(token.store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
    call_command("pandabase_test_connection", stdout=out, stderr=out)
    call_command("pandabase_reseal", "--check", stdout=out, stderr=out)
    call_command("dumpdata", "pandabase", stdout=out)
    sandbox.revoke_token(token.token_id)
    sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            out.write(repr(cursor.fetchall()))
    assert everything_logged.getvalue()
    assert CANARY not in everything_logged.getvalue()
    assert CANARY not in out.getvalue()


def test_no_error_shows_it_even_with_local_variables(token: ApiToken, sandbox: Sandbox) -> None:
    failures: list[BaseException] = []
    for rule in (
        {"action": "status", "args": {"status": 401}},
        {"action": "reset"},
        {"action": "html"},
        {"action": "truncate"},
    ):
        sandbox.fault([{"match": {"method": "GET"}, "times": 0, **rule}])
        try:
            with client_for(token, hurried=True) as client:
                client.products.list()
        except PandabaseError as error:
            failures.append(error)
        sandbox.clear_faults()
    for arguments in (
        {"secret": Secret(CANARY + " ")},
        {"base_url": "http://127.0.0.1:9"},
        {"store_id": "nonsense"},
    ):
        try:
            add_token(
                **{
                    "store_id": sandbox.store_id,
                    "mode": token.mode,
                    "secret": Secret(CANARY),
                    "token_id": token.token_id,
                    "base_url": sandbox.url,
                    **arguments,
                }
            )
        except (ValueError, PandabaseError) as error:
            failures.append(error)
    try:
        current_keyring().seal(Secret(CANARY), context=None)  # type: ignore[arg-type]
    except AttributeError as error:
        failures.append(error)
    assert len(failures) == 8
    for failure in failures:
        assert CANARY not in shown(failure).replace(f"CANARY = {CANARY!r}", "")


def test_the_debug_page_of_a_view_that_holds_a_token_does_not_show_it(token: ApiToken) -> None:
    held = ApiToken.objects.get()
    assert held.secret.reveal() == CANARY
    try:
        raise InvalidCredential("refused", status=401)
    except InvalidCredential:
        page = technical_500_response(RequestFactory().get("/"), *sys.exc_info())
    assert "held" in page.content.decode()
    assert CANARY not in page.content.decode()


def test_no_admin_page_shows_it(token: ApiToken) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    pages: list[Any] = [
        client.get(reverse("admin:pandabase_apitoken_changelist")),
        client.get(reverse("admin:pandabase_apitoken_change", args=[token.pk])),
        client.get(reverse("admin:pandabase_apitoken_history", args=[token.pk])),
        client.post(reverse("admin:pandabase_apitoken_test", args=[token.pk]), follow=True),
        client.post(
            reverse("admin:pandabase_apitoken_add"),
            {"secret": CANARY, "store_id": "nonsense", "mode": "HMAC"},
        ),
    ]
    for page in pages:
        assert page.status_code == 200
        assert CANARY not in page.content.decode()
        assert CANARY not in repr(page.cookies)


def test_no_page_of_a_rotation_shows_it(token: ApiToken) -> None:
    now = timezone.now()
    body = json.dumps({"data": {"odd": {"place": CANARY}}}).encode()
    attempt = RotationAttempt.objects.create(
        token=token,
        signer=token,
        state=RotationAttempt.State.HELD,
        trigger=RotationAttempt.Trigger.ADMIN,
        reason="A laptop was lost.",
        from_version=1,
        prepared_at=now,
        sent_at=now,
        reply=packed(RawReply(status=200, request_id="req_1", body=body)),
    )
    attempt.refresh_from_db()
    assert attempt.reply is not None
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    on_token = {
        name: reverse(f"admin:pandabase_apitoken_{name}", args=[token.pk])
        for name in ("change", "rotate", "install", "replace")
    }
    on_attempt = {
        name: reverse(f"admin:pandabase_rotationattempt_{name}", args=[attempt.pk])
        for name in ("change", "live", "history", "held")
    }
    pages: list[Any] = [
        *(client.get(url) for url in on_token.values()),
        *(client.get(on_attempt[name]) for name in ("change", "live", "history")),
        client.get(reverse("admin:pandabase_rotationattempt_changelist")),
        client.post(on_attempt["held"], {"place": "no.such"}, follow=True),
    ]
    for name, wrong in (("install", CANARY + " "), ("replace", CANARY + "x")):
        nonce = client.get(on_token[name]).context["form"]["nonce"].initial
        data = {"nonce": nonce, "secret": wrong, "reason": "r", "name": "n", "mode": "BEARER"}
        pages.append(client.post(on_token[name], data))
    pages.append(client.post(on_attempt["held"], {"place": "data.odd.place"}, follow=True))
    attempt.refresh_from_db()
    assert attempt.state == RotationAttempt.State.DONE
    for page in pages:
        assert page.status_code == 200
        assert CANARY not in page.content.decode()
        assert CANARY not in repr(page.cookies)
        assert "pb1." not in page.content.decode()
    assert CANARY not in repr(dict(client.session))


@pytest.mark.parametrize("page", ["install", "replace"])
def test_a_page_that_breaks_with_a_secret_in_hand_does_not_show_it(
    token: ApiToken, sandbox: Sandbox, page: str
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("something broke")

    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    url = reverse(f"admin:pandabase_apitoken_{page}", args=[token.pk])
    nonce = client.get(url).context["form"]["nonce"].initial
    data = {"nonce": nonce, "secret": CANARY, "reason": "r", "name": "n", "mode": "BEARER"}
    if token.mode == "HMAC" and page == "replace":
        other = sandbox.add_token(mode="HMAC", secret=CANARY + "x")
        data |= {"mode": "HMAC", "token_id": other.token_id, "secret": other.secret}
    post_save.connect(fail, sender=LogEntry)
    try:
        with pytest.raises(RuntimeError, match="something broke") as caught:
            client.post(url, data)
    finally:
        post_save.disconnect(fail, sender=LogEntry)
    told = shown(caught.value)
    assert f"{page}_view" in told
    # The test's own frame holds the data, and the test client's frames the request it makes of it.
    ours = told.split(f"in {page}_view")[1]
    assert CANARY not in ours
