"""What others wrote steers no terminal, and hides nothing from who reads it."""

from __future__ import annotations

import io
import json
import pickle
import unicodedata
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.api.wire.replies import RawReply, read_reply
from pandabase_django.exceptions import InvalidCredential, PandabaseError
from pandabase_django.models import ApiToken, Product, Store, SyncRun
from pandabase_django.printable import printable
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import test_connection as try_connection

pytestmark = pytest.mark.django_db

# Clears the screen, writes from right to left, breaks the line (five ways), hides, rings.
HOSTILE = "\x1b[2Ja\u202eb\u2066c\r\nd\u2028e\x85f\x9b1mg\u200bh\ufeffi\x07j\U000e0041k\u200fl"


def is_fit(text: str) -> bool:
    unfit = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return not any(unicodedata.category(c) in unfit for c in text.replace("\n", ""))


def test_one_line_without_controls_and_marks_is_left() -> None:
    fit = printable(HOSTILE + "\x00\ud800")
    assert fit.isprintable()
    assert fit.startswith("\ufffd[2Ja\ufffdb\ufffdc  d e f\ufffd1mg")
    assert printable("Grüße, Żółć 日本 😀") == "Grüße, Żółć 日本 😀"
    assert printable("a\u00a0b") == "a b"


@pytest.mark.parametrize("blank", ["\u034f", "\u115f", "\u3164", "\ufe01", "\U000e0101", "\u2800"])
def test_what_shows_nothing_is_made_visible(blank: str) -> None:
    assert printable(f"a{blank}b") == "a\ufffdb"
    assert printable("❤\ufe0f") == "❤\ufe0f"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 200])
def test_an_error_made_of_remote_words_is_printable(status: int) -> None:
    body = json.dumps({"ok": False, "error": {"code": HOSTILE, "message": HOSTILE}}).encode()
    raw = RawReply(status, "req_1", body, headers={"X-RateLimit-Type": HOSTILE})
    with pytest.raises(PandabaseError) as caught:
        read_reply(raw)
    assert str(caught.value).isprintable()
    assert is_fit(getattr(caught.value, "scope", ""))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def hostile(sandbox: Sandbox, status: int, **match: str) -> None:
    error = {"ok": False, "error": HOSTILE}
    rule = {"match": {"method": "GET", **match}, "action": "status", "times": 0}
    sandbox.fault([{**rule, "args": {"status": status, "body": error}}])


def test_neither_reason_nor_log_nor_report_of_a_refused_token_is_steered(
    token: ApiToken, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    hostile(sandbox, 401)
    with pytest.raises(InvalidCredential), client_for(token) as client:
        client.orders.list()
    token.refresh_from_db()
    for text in (token.health_reason, caplog.messages[-1], try_connection(token).message):
        assert text.isprintable()
        assert "�[2Ja�b" in text


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_no_command_writes_what_steers_a_terminal(
    token: ApiToken, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, resource: str
) -> None:
    caplog.set_level("INFO")
    Store.objects.update(title=HOSTILE)
    hostile(sandbox, 403, path_regex="(categories|refunds|disputes)$")
    out = io.StringIO()
    for arguments in (
        ("pandabase_sync", "--resource", resource),
        ("pandabase_sync", "--audit"),
        ("pandabase_test_connection",),
        ("pandabase_check",),
    ):
        try:
            call_command(*arguments, stdout=out, stderr=out)
        except CommandError as error:
            out.write(str(error))
    told = out.getvalue()
    assert is_fit(told)
    assert "�[2Ja�b" in told
    assert is_fit(caplog.text)


def test_names_of_fields_that_are_told_in_warnings_are_printable(
    token: ApiToken, sandbox: Sandbox
) -> None:
    edit: dict[str, Any] = {f"data.items.0.{HOSTILE}": "\ud800"}
    match = {"method": "GET", "path_regex": "/products$"}
    sandbox.fault([{"match": match, "times": 0, "action": "edit_body", "args": {"set": edit}}])
    run = sync_resource(token.store, resource="products", trigger=SyncRun.Trigger.COMMAND).run
    assert run.warnings
    assert all(text.isprintable() for text in run.warnings)


def test_a_row_is_named_in_print(token: ApiToken) -> None:
    product = Product(store=token.store, id="prd_1", title=HOSTILE)
    assert str(product).isprintable()
    assert str(Product(store=token.store, id="prd_1")) == "prd_1"
