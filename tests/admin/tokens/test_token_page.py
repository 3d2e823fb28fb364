"""The token's page: health, the permission grid with presets, verification and the report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.api.permissions import PRESETS
from pandabase_django.models import ApiToken, SyncRun, TokenPermission
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.connecting import connect

pytestmark = pytest.mark.django_db


def page(part: str, token: ApiToken) -> str:
    return reverse(f"admin:pandabase_apitoken_{part}", args=[quote(str(token.pk))])


def declared(token: ApiToken) -> set[str]:
    return set(token.permissions.filter(declared=True).values_list("code", flat=True))


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_is_applied_without_javascript(token: ApiToken, login: Login, preset: str) -> None:
    data = {"name": "Main", "preset": preset, "declared": ["STORE_WRITE"], "other": "X_READ"}
    assert login(superuser=True).post(page("change", token), data).status_code == 302
    assert declared(token) == {*PRESETS[preset], "X_READ"}


def test_the_grid_shows_declared_and_observed_side_by_side(token: ApiToken, login: Login) -> None:
    for code, is_declared, observed in (
        ("ORDERS_READ", True, "DENIED"),
        ("ORDERS_WRITE", False, "GRANTED"),
        ("LOYALTY_READ", True, "DENIED"),
    ):
        TokenPermission.objects.update_or_create(
            token=token, code=code, defaults={"declared": is_declared, "observed": observed}
        )
    shown = login(superuser=True).get(page("change", token)).content.decode()
    assert 'value="ORDERS_READ" checked' in shown
    assert 'value="ORDERS_WRITE">' in shown
    assert shown.count("Denied") >= 2
    viewed = login("view_apitoken").get(page("change", token)).content.decode()
    for text in ("ORDERS_READ", "LOYALTY_READ", "Denied", "Granted", "Declared"):
        assert text in viewed
    assert '<input type="checkbox"' not in viewed


def test_a_failed_test_names_host_and_reason_and_leads_to_the_report(
    login: Login,
) -> None:
    with Sandbox(seed=8, products=1, orders=1) as gone:
        token = connect(gone)
    answer = login(superuser=True).post(page("test", token), follow=True)
    shown = answer.content.decode()
    assert f"{gone.url.removeprefix('http://')} refused the connection." in shown
    assert "“Connection report” shows how far requests get." in shown


def test_permissions_are_verified_by_a_button_of_its_own_right(
    token: ApiToken, login: Login
) -> None:
    target = page("verify", token)
    assert login("view_apitoken", "change_apitoken").post(target).status_code == 403
    client = login("view_apitoken", "test_apitoken")
    shown = client.post(target, follow=True).content.decode()
    assert "are granted" in shown
    granted = set(token.permissions.filter(observed="GRANTED").values_list("code", flat=True))
    assert granted >= {"CUSTOMERS_READ", "ORDERS_READ", "PRODUCTS_READ", "REFUNDS_READ"}


def test_the_report_is_shown_after_a_redirect_and_asked_for_once(
    token: ApiToken, sandbox: Any, login: Login
) -> None:
    client = login("view_apitoken", "test_apitoken")
    answer = client.post(page("report", token))
    assert answer.status_code == 302
    before = sandbox.requests_served
    for _ in range(2):
        shown = client.get(page("change", token)).content.decode()
        assert "Connection report" in shown
        assert "Clock" in shown
    assert sandbox.requests_served == before
    assert token.secret.reveal() not in shown
    assert "Rate limit" not in login("view_apitoken").get(page("change", token)).content.decode()


def test_the_age_is_held_against_its_policy(token: ApiToken, login: Login) -> None:
    ApiToken.objects.update(
        rotate_after_days=90, secret_set_at=timezone.now() - timedelta(days=100, hours=1)
    )
    shown = login("view_apitoken").get(page("change", token)).content.decode()
    assert "10 days past the 90 of its policy" in shown


def test_the_page_costs_the_same_with_ten_codes_as_with_a_thousand(
    token: ApiToken, login: Login
) -> None:
    client = login(superuser=True)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page("change", token)).status_code == 200
        return len(captured)

    queries()
    few = queries()
    TokenPermission.objects.bulk_create(
        TokenPermission(token=token, code=f"NEW_{number}_READ") for number in range(1000)
    )
    assert queries() == few <= 15


def test_disabling_the_active_token_says_what_stops_and_asks_first(
    token: ApiToken, login: Login
) -> None:
    client = login(superuser=True)
    now = timezone.now()
    SyncRun.objects.create(
        store=token.store,
        resource="orders",
        trigger="ADMIN",
        state="RUNNING",
        started_at=now,
        heartbeat_at=now,
    )
    shown = client.get(page("change", token)).content.decode()
    words = ("syncs, refreshes and webhook look-ups stop", "1 sync is under way and fails")
    for text in (*words, "No other tested token could take over"):
        assert text in shown
    answer = client.post(page("disable", token), follow=True).content.decode()
    token.refresh_from_db()
    assert token.role == "ACTIVE"
    assert "Nothing was disabled: tick the box first." in answer
    assert words[0] in answer
    answer = client.post(page("disable", token), {"sure": "on"}, follow=True).content.decode()
    token.refresh_from_db()
    assert token.role == "RETIRED"
    assert "Nothing would stop" not in answer
    assert "The store has no active token: nothing of it is read" in answer


def test_disabling_a_standby_asks_nothing_and_is_offered_as_a_way_on(
    token: ApiToken, sandbox: Sandbox, login: Login
) -> None:
    standby = connect(sandbox, sandbox.add_token(), name="Second")
    client = login(superuser=True)
    shown = client.get(page("change", token)).content.decode()
    assert "without a gap: Second. Tick this to disable it all the same:" in shown
    assert 'name="sure"' not in client.get(page("change", standby)).content.decode()
    answer = client.post(page("disable", standby), follow=True).content.decode()
    standby.refresh_from_db()
    assert standby.role == "RETIRED"
    assert "Nothing would stop" in answer


@pytest.mark.parametrize("rights", [("change_apitoken",), ()])
def test_fields_that_are_only_shown_are_left_out_when_empty(
    token: ApiToken, login: Login, rights: tuple[str, ...]
) -> None:
    client = login("view_apitoken", *rights)
    full = client.get(page("change", token)).content.decode()
    assert "field-token_id" in full
    ApiToken.objects.update(token_id="", mode="BEARER", secret_set_at=None, rotate_after_days=None)
    shown = client.get(page("change", token)).content.decode()
    for name in ("token_id", "secret_set_at", "rotate_after_days"):
        assert f"field-{name}" not in shown
    assert "field-store_link" in shown
    edited = login(superuser=True).get(page("change", token)).content.decode()
    assert "field-rotate_after_days" in edited
