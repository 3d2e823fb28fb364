"""One secret goes through everything, and is looked for everywhere it must not be."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import technical_500_response

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import InvalidCredential, PandabaseError
from pandabase_django.models import ApiToken, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.connection import add_token
from pandabase_django.services.sync.runs import sync_resource

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


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=2, products=3, orders=5) as running:
        yield running


@pytest.fixture(params=["HMAC", "BEARER"])
def token(request: pytest.FixtureRequest, sandbox: Sandbox) -> ApiToken:
    given = sandbox.add_token(mode=request.param, secret=CANARY)
    return add_token(
        store_id=sandbox.store_id,
        mode=request.param,
        secret=Secret(CANARY),
        token_id=given.token_id,
        base_url=sandbox.url,
    )


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
            with client_for(token) as client:
                client._transport._retries = 0
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
            {"new_secret": CANARY, "store_id": "nonsense", "mode": "HMAC"},
        ),
    ]
    for page in pages:
        assert page.status_code == 200
        assert CANARY not in page.content.decode()
        assert CANARY not in repr(page.cookies)
