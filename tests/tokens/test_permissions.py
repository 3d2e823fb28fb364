"""What a token may read is tried; the connection report names where requests stop."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from pandabase_django.api.wire.headers import clock_skew_seconds
from pandabase_django.api.wire.reach import reach
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import UnknownKey
from pandabase_django.models import ApiToken, SyncRun
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.tokens.diagnosis import Diagnosis, diagnose
from pandabase_django.services.tokens.impact import blast_radius
from pandabase_django.services.tokens.permissions import try_permissions, verify_permissions
from tests.connecting import connect

pytestmark = pytest.mark.django_db


def token_with(sandbox: Sandbox, *permissions: str, **options: Any) -> ApiToken:
    return connect(sandbox, sandbox.add_token(permissions=list(permissions)), **options)


def test_every_readable_resource_is_tried_once_and_stored(sandbox: Sandbox) -> None:
    token = token_with(sandbox, "PRODUCTS_READ", "ORDERS_READ", "STORE_READ", "ORDERS_WRITE")
    before = sandbox.requests_served
    seen = verify_permissions(token)
    assert set(seen.granted) == {"PRODUCTS_READ", "ORDERS_READ", "STORE_READ"}
    assert "REFUNDS_READ" in seen.denied
    # Meters belong to a product, and none is mirrored.
    assert seen.unasked == ("METERS_READ",)
    requests = sandbox.requests()[-(sandbox.requests_served - before) :]
    assert len(requests) == 16
    assert {request["method"] for request in requests} == {"GET"}
    observed = dict(token.permissions.values_list("code", "observed"))
    assert observed["ORDERS_READ"] == "GRANTED"
    assert observed["REFUNDS_READ"] == "DENIED"
    assert "ORDERS_WRITE" not in observed


@pytest.mark.fact(13)
def test_a_refusal_that_names_no_permission_shows_nothing_of_it(sandbox: Sandbox) -> None:
    token = token_with(sandbox, *ALL_PERMISSIONS)
    error = {"args": {"status": 403, "error": "Not today."}, "action": "status"}
    sandbox.fault([{"match": {"path_regex": "/orders$"}, "times": 0, **error}])
    assert "ORDERS_READ" in verify_permissions(token).unasked
    tried = try_permissions(token, secret=token.secret, codes=["ORDERS_READ", "PRODUCTS_READ"])
    assert (tried.lacking, tried.unclear) == (frozenset(), {"ORDERS_READ"})


def test_a_declaration_stops_no_try(sandbox: Sandbox) -> None:
    token = token_with(sandbox, *ALL_PERMISSIONS, permissions=["STORE_READ"])
    assert "ORDERS_READ" in verify_permissions(token).granted


def test_a_refused_credential_ends_it_at_once(sandbox: Sandbox) -> None:
    token = token_with(sandbox, "STORE_READ", test=False)
    ApiToken.objects.filter(pk=token.pk).delete()
    token.secret = Secret("sk_test_this_is_another_secret")
    token.save(force_insert=True)
    before = sandbox.requests_served
    seen = verify_permissions(token)
    assert seen.error
    assert not seen.granted
    assert not seen.denied
    assert sandbox.requests_served == before + 1


def bad(diagnosis: Diagnosis) -> list[str]:
    return [line.title for line in diagnosis.lines if line.ok is False]


def test_a_good_connection_has_no_bad_line(sandbox: Sandbox) -> None:
    diagnosis = diagnose(token_with(sandbox, *ALL_PERMISSIONS))
    assert bad(diagnosis) == []
    assert diagnosis.ok
    assert [line.title for line in diagnosis.lines] == [
        "Name look-up (DNS)",
        "Connection (TCP)",
        "Encryption (TLS)",
        "Authentication",
        "Permission",
        "Clock",
        "Latency",
        "Rate limit",
    ]


def test_each_bad_line_has_a_fix_that_can_be_copied(sandbox: Sandbox) -> None:
    token = token_with(sandbox, "STORE_READ", test=False, permissions=["STORE_READ"])
    diagnosis = diagnose(token)
    assert bad(diagnosis) == ["Permission"]
    (line,) = [line for line in diagnosis.lines if line.ok is False]
    assert line.command == ("PRODUCTS_READ,ORDERS_READ,CATEGORIES_READ,REFUNDS_READ,DISPUTES_READ")
    sandbox.close()
    diagnosis = diagnose(token)
    assert bad(diagnosis) == ["Connection (TCP)"]
    assert any(line.command.startswith("curl") for line in diagnosis.lines if line.ok is False)
    assert [line.ok for line in diagnosis.lines if line.title == "Authentication"] == [None]


def test_a_refused_credential_leads_to_install_secret(sandbox: Sandbox) -> None:
    token = token_with(sandbox, "STORE_READ", test=False)
    ApiToken.objects.filter(pk=token.pk).delete()
    token.secret = Secret("sk_test_this_is_another_secret")
    token.save(force_insert=True)
    (line,) = [line for line in diagnose(token).lines if line.ok is False]
    assert f"pandabase_install_secret --token {token.pk}" in line.command


def test_a_secret_that_cant_be_opened_is_no_matter_of_the_network(
    sandbox: Sandbox, settings: Any
) -> None:
    token = token_with(sandbox, "STORE_READ")
    settings.PANDABASE = {**settings.PANDABASE, "ENCRYPTION_KEYS": [generate_key()]}
    with pytest.raises(UnknownKey):
        diagnose(ApiToken.objects.get(pk=token.pk))


@pytest.mark.pandabase_network
def test_a_name_that_is_unknown_ends_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> Any:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    hops = reach("https://api.example.invalid", timeout_seconds=1)
    assert [(hop.name, hop.ok) for hop in hops] == [("dns", False), ("tcp", None), ("tls", None)]
    assert hops[0].detail == "Name or service not known"


def test_the_clocks_difference_has_the_right_sign() -> None:
    now = time.time()
    headers = {"Date": formatdate(now - 600, usegmt=True)}
    skew = clock_skew_seconds(headers, sent_at=now, received_at=now)
    assert skew is not None
    assert 598 < skew < 602
    assert clock_skew_seconds({}, sent_at=now, received_at=now) is None
    assert clock_skew_seconds({"Date": "soon"}, sent_at=now, received_at=now) is None


def test_the_blast_radius_names_what_runs_and_who_takes_over(sandbox: Sandbox) -> None:
    active, standby = (token_with(sandbox, *ALL_PERMISSIONS, name=n) for n in ("One", "Two"))
    run = SyncRun.objects.create(
        store=active.store,
        resource="orders",
        trigger="ADMIN",
        started_at=active.added_at,
        heartbeat_at=active.added_at,
    )
    radius = blast_radius(active)
    assert (radius.active, radius.running, radius.standby) == (True, (run,), (standby,))
    radius = blast_radius(standby)
    assert (radius.active, radius.running) == (False, ())
