"""The shop's own address for verifying licences."""

from __future__ import annotations

import io
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, License, Store, SyncCursor
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS
from pandabase_django.services.licenses import throttle
from pandabase_django.services.licenses.proofs import digest_of_key
from tests.connecting import connect
from tests.docs.pages import blocks
from tests.licenses.asking import ask, asked, away
from tests.sync.world import sync_of
from tests.test_canary import everything_logged

__all__ = ["everything_logged"]

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "CANARY-LICENCE-5eed-0451"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


@pytest.mark.fact(51)
def test_a_key_is_good_for_its_product_until_it_is_revoked(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    said = ask(f"  {claimed['key']}\n", product=claimed["productId"])
    assert said.pop("proved_at")
    assert said.pop("age_seconds") == 0
    assert said == {
        "valid": True,
        "status": "CLAIMED",
        "product": claimed["productId"],
        "expires_at": None,
        "source": "pandabase",
    }
    other = ask(claimed["key"], product="prd_of_something_else")
    assert (other["valid"], other["status"], other["product"]) == (False, None, None)
    cache.clear()
    order = sandbox.state.ids.index_of("order", claimed["orderId"])
    sandbox.change([{"op": "refund_order", "index": order}])
    said = ask(claimed["key"])
    assert (said["valid"], said["status"]) == (False, "REVOKED")
    sandbox.change([{"op": "create_license", "key": "NOT-BOUGHT-YET"}])
    said = ask("NOT-BOUGHT-YET")
    assert (said["valid"], said["status"]) == (False, "AVAILABLE")
    assert ask("NOBODY-KNOWS-THIS")["status"] is None


def test_a_minute_s_questions_about_one_key_are_one_request(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    for _ in range(5):
        assert ask(claimed["key"])["source"] == "pandabase"
    assert asked(sandbox) == 1


def test_while_pandabase_is_away_the_mirror_answers_with_the_age_of_its_proof(
    sandbox: Sandbox, claimed: dict[str, Any]
) -> None:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    SyncCursor.objects.filter(resource="licenses").update(last_completed_at=an_hour_ago)
    License.objects.update(synced_at=an_hour_ago - timedelta(hours=1))
    away(sandbox)
    for _ in range(3):
        said = ask(claimed["key"], product=claimed["productId"])
        assert (said["valid"], said["status"], said["source"]) == (True, "CLAIMED", "mirror")
        assert 3600 <= said["age_seconds"] < 3660
    assert asked(sandbox) == 1, "Nobody waits for time-outs again."
    assert ask(claimed["key"], product="prd_of_something_else")["valid"] is False
    assert ask("NOBODY-KNOWS-THIS")["valid"] is False
    License.objects.filter(pk=claimed["id"]).update(status="REVOKED")
    assert ask(claimed["key"])["valid"] is False
    License.objects.filter(pk=claimed["id"]).update(status="CLAIMED", gone_at=timezone.now())
    assert ask(claimed["key"])["valid"] is False
    License.objects.all().delete()
    SyncCursor.objects.all().delete()
    ask(claimed["key"], 503)


@pytest.mark.fact(51)
def test_what_pandabase_said_of_the_end_of_a_licence_is_known_while_it_is_away(
    sandbox: Sandbox, claimed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = timezone.now() + timedelta(days=3)
    edit = {"action": "edit_body", "args": {"set": {"data.expiresAt": ends.isoformat()}}}
    sandbox.fault([{"match": {"path_regex": "/licenses/verify"}, **edit}])
    said = ask(claimed["key"])
    assert said["valid"] is True
    assert said["expires_at"] == ends.isoformat()
    away(sandbox)
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(days=2))
    said = ask(claimed["key"])
    assert (said["valid"], said["source"]) == (True, "pandabase")
    assert 2 * 86_400 <= said["age_seconds"] < 2 * 86_400 + 60
    # A sync since has proved more, but lists do not say when a licence ends.
    SyncCursor.objects.filter(resource="licenses").update(last_completed_at=timezone.now())
    said = ask(claimed["key"])
    assert (said["valid"], said["source"]) == (True, "mirror")
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(days=4))
    assert ask(claimed["key"])["valid"] is False


@pytest.mark.parametrize("trouble", ["permission", "credential", "no_token", "disabled"])
def test_what_keeps_the_shop_from_asking_leaves_it_to_the_mirror(
    sandbox: Sandbox, token: ApiToken, claimed: dict[str, Any], trouble: str
) -> None:
    if trouble == "permission":
        without = tuple(code for code in ALL_PERMISSIONS if code != "LICENSES_READ")
        sandbox.permit_token(token.token_id, without)
    elif trouble == "credential":
        sandbox.revoke_token(token.token_id)
    elif trouble == "no_token":
        ApiToken.objects.update(role=ApiToken.Role.STANDBY)
    else:
        Store.objects.update(enabled=False)
    assert ask(claimed["key"])["source"] == "mirror"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"key": 5}', 400),
        (b'{"key": ""}', 400),
        (b'{"key": "  "}', 400),
        (b'{"key": "a\\u0000"}', 400),
        (b'{"key": "\\ud800"}', 400),
        (b'{"key": "a", "product": 5}', 400),
        (b'{"key": "a", "product": ""}', 400),
        (b'{"key": "a", "product": "prd_eleven_"}', 400),
        (b'{"key": "a", "product": "' + b"x" * 49 + b'"}', 400),
        (b'{"key": "LIC-SECRET-KEY-12345", "product": "\\ud800"}', 400),
        (b'{"key": "LIC-SECRET-KEY-12345", "product": "prd_of_\\ud800_more"}', 400),
        (b'{"key": "LIC-SECRET-KEY-12345", "product": "prd_of_\\u0000_more"}', 400),
        (b"[" * 4000, 400),
        (b"\xff\xfe", 400),
        (b'{"key": "' + b"x" * 513 + b'"}', 400),
        (b"x" * 5000, 413),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_question_is_refused_without_repeating_it(
    store: Store, body: bytes, status: int
) -> None:
    answer = Client().post("/licenses/verify", data=body, content_type="application/json")
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert len(body) < 9 or body not in answer.content


def test_only_a_post_is_answered_and_no_login_or_token_is_asked_for(
    claimed: dict[str, Any], settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN_REQUIRED]
    browser = Client(enforce_csrf_checks=True)
    answer = browser.get("/licenses/verify", {"key": claimed["key"]})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert ask(claimed["key"], client=browser)["valid"] is True
    answer = browser.post(
        "/licenses/verify/", json.dumps({"key": "a"}), content_type="application/json"
    )
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_an_address_and_a_key_have_so_many_questions_a_minute(
    claimed: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"LICENSE_CHECKS_PER_ADDRESS": 3, "LICENSE_CHECKS_PER_KEY": 5}
    settings.PANDABASE = {**settings.PANDABASE, **limits}
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_000.0 + 10)
    for number in range(3):
        ask(f"GUESS-{number}")
    said = ask(claimed["key"], 429)
    assert set(said) == {"error"}
    # What anybody can send is no other address.
    ask(claimed["key"], 429, headers={"X-Forwarded-For": "203.0.113.9"})
    for number in range(5):
        ask(claimed["key"], client=Client(REMOTE_ADDR=f"198.51.100.{number}"))
    answer = Client(REMOTE_ADDR="198.51.100.77").post(
        "/licenses/verify", json.dumps({"key": claimed["key"]}), content_type="application/json"
    )
    assert answer.status_code == 429
    assert answer["Retry-After"] == str(60 - (1_800_000_010 % 60))
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_000.0 + 70)
    ask(claimed["key"])


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "no address", "no address"),
        # Some proxies add the port, which each connection has another one of.
        (1, "6.6.6.6, 203.0.113.9:50123", "203.0.113.9"),
        (1, "[2001:db8:1:2:3:4:5:6]:50123", "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"),
    ],
)
def test_whose_address_counts(proxies: int, forwarded: str, address: str, settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "LICENSE_TRUSTED_PROXIES": proxies}
    meta = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert throttle.address_of(meta) == address


def test_while_the_cache_is_down_the_mirror_answers_and_nobody_is_asked(
    sandbox: Sandbox, claimed: dict[str, Any], settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "RATE_LIMIT_CACHE": "nowhere"}
    for _ in range(3):
        said = ask(claimed["key"])
        assert (said["valid"], said["source"]) == (True, "mirror")
    assert asked(sandbox) == 0


def test_a_digest_of_any_text_is_made_without_an_error_that_carries_it() -> None:
    for text in ("\ud800", "\x00", "\U0001f600", ""):
        assert len(digest_of_key(Secret(f"{CANARY}{text}"), text)) == 64


@pytest.mark.fact(51)
def test_no_key_reaches_a_log_an_error_an_answer_or_the_cache(
    sandbox: Sandbox,
    store: Store,
    everything_logged: io.StringIO,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_010.0)
    sandbox.change([{"op": "create_license", "key": CANARY}])
    sync_of(store, "licenses")
    seen = [json.dumps(ask(CANARY))]
    for action in (
        {"action": "status", "args": {"status": 400, "error": f"{CANARY} is no key"}},
        {"action": "html", "args": {"status": 404}},
        {"action": "reset"},
    ):
        cache.clear()
        sandbox.fault([{"match": {"path_regex": "/licenses/verify"}, **action}])
        seen.append(json.dumps(ask(CANARY)))
    cache.clear()
    settings.PANDABASE = {**settings.PANDABASE, "LICENSE_CHECKS_PER_KEY": 1}
    seen += [json.dumps(ask(CANARY)), json.dumps(ask(CANARY, 429))]
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": []}
    cache.clear()
    seen.append(json.dumps(ask(CANARY, 503)))
    settings.PANDABASE = {**settings.PANDABASE, "LICENSE_CHECKS_PER_KEY": 1}
    seen.append(repr(getattr(cache, "_cache", "")))
    assert logging.getLogger("pandabase_django").isEnabledFor(logging.DEBUG)
    assert everything_logged.getvalue()
    assert CANARY not in "".join(seen) + everything_logged.getvalue()


def test_the_client_of_the_guide_goes_on_with_its_last_proof(
    sandbox: Sandbox,
    claimed: dict[str, Any],
    live_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (snippet,) = blocks("docs/licenses.md", holding="def licensed")
    monkeypatch.setenv("HOME", str(tmp_path))
    software: dict[str, Any] = {}
    exec(snippet, software)
    software["ADDRESS"] = f"{live_server.url}/licenses/verify"
    software["PRODUCT"] = claimed["productId"]
    licensed = software["licensed"]
    assert licensed("NOBODY-KNOWS-THIS") is False
    assert licensed(claimed["key"]) is True
    software["ADDRESS"] = "http://127.0.0.1:9/licenses/verify"
    assert licensed(claimed["key"]) is True
    assert licensed("another key") is False
    assert claimed["key"] not in software["KEPT_IN"].read_text()
    kept = json.loads(software["KEPT_IN"].read_text())
    software["KEPT_IN"].write_text(json.dumps({**kept, "at": kept["at"] - 15 * 86_400}))
    assert licensed(claimed["key"]) is False
    software["KEPT_IN"].unlink()
    assert licensed(claimed["key"]) is False


@pytest.mark.parametrize("good", [0, 1])
def test_of_equal_keys_of_two_stores_the_good_one_counts(
    sandbox: Sandbox, store: Store, claimed: dict[str, Any], good: int
) -> None:
    """Such as a live store and a test store that were given the same keys."""
    with Sandbox(seed=77, products=1, orders=1) as other:
        other_store = connect(other, name="Other").store
        row = License.objects.get(pk=claimed["id"])
        row.pk, row.store, row.product_id = "lic_of_the_other_store", other_store, "prd_other"
        row.save(force_insert=True)
        stores = sorted([(store.pk, sandbox), (other_store.pk, other)], key=lambda one: one[0])
        for number, (_pk, remote) in enumerate(stores):
            said = {"valid": number == good, "status": "CLAIMED" if number == good else "REVOKED"}
            answer = {"ok": True, "data": {**said, "productId": None, "expiresAt": None}}
            match = {"path_regex": "/licenses/verify"}
            body = {"action": "replace_body", "args": {"body": answer}, "times": 0}
            remote.fault([{"match": match, **body}])
        said = ask(claimed["key"])
        assert (said["valid"], said["status"]) == (True, "CLAIMED")
