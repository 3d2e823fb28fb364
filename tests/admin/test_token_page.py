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
from pandabase_django.models import ApiToken, TokenPermission
from tests.admin.conftest import Login

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
