"""The address inside a site as sites are: middlewares that redirect, refuse, or read the body."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, override_settings

from pandabase_django.services.health.checklist import webhook_urls_are_included
from pandabase_django.services.health.findings import Situation
from tests.webhooks.sender import sign_v2
from tests.webhooks.stored import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wsgi_and_asgi")]

LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


class ReadsTheBodyAfterwards:
    """Reads ``request.body`` once the view has answered, as audit tools do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["X-Body-Length"] = str(len(request.body))
        response["X-Fields"] = str(len(request.POST))
        return response


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_site_wide_login_does_not_redirect_a_delivery(url: str, slash: str) -> None:
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, LOGIN_REQUIRED]):
        assert sign_v2().post(url + slash).status_code == 200
    assert len(rows()) == 1


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_the_body_can_be_read_after_the_view(url: str, content_type: str) -> None:
    delivery = sign_v2()
    with override_settings(MIDDLEWARE=[f"{__name__}.ReadsTheBodyAfterwards", *settings.MIDDLEWARE]):
        answer = delivery.post(url, content_type=content_type)
        assert answer.status_code == 200
        assert answer["X-Body-Length"] == str(len(delivery.body))
        assert sign_v2().post("/pandabase/webhooks/" + "0" * 40).status_code == 401
    assert len(rows()) == 1


def test_the_body_of_a_delivery_that_is_too_large_is_no_error_afterwards(url: str) -> None:
    middlewares = [f"{__name__}.ReadsTheBodyAfterwards", *settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=middlewares):
        answer = Client().post(url, b"x" * 3_000_000, content_type="application/json")
    assert answer.status_code == 413


class SiteLoginRequiredMiddleware:
    """Sends everybody to the login, as one that a site has written itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect("/login/")


class Doorman(SiteLoginRequiredMiddleware):
    """The same under a name that tells nothing."""


def warnings() -> list[str]:
    return [m.msg for m in run_checks() if m.id == "pandabase.W015"]


def test_a_middleware_that_asks_everybody_to_log_in_is_named_at_start() -> None:
    assert warnings() == []
    dotted = f"{__name__}.SiteLoginRequiredMiddleware"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, LOGIN_REQUIRED]):
        assert warnings() == []
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, dotted]):
        assert [dotted in text for text in warnings()] == [True]
        with override_settings(ROOT_URLCONF="tests.health.without_webhooks"):
            assert warnings() == []
    with override_settings(PREPEND_WWW=True):
        assert ["PREPEND_WWW" in text for text in warnings()] == [True]


def test_a_project_without_pages_can_be_checked() -> None:
    with override_settings():
        del settings.ROOT_URLCONF
        assert warnings() == []


def test_nothing_is_logged_of_the_request_that_pandabase_check_sends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for middlewares in ([], [f"{__name__}.Doorman"]):
        with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, *middlewares]):
            webhook_urls_are_included(Situation(thorough=True))
    assert caplog.messages == []
    Client().put("/pandabase/webhooks/" + "0" * 40)
    assert len(caplog.messages) == 1


def test_pandabase_check_sends_a_request_through_all_middlewares() -> None:
    def found() -> tuple[str, str]:
        finding = webhook_urls_are_included(Situation(thorough=True))
        return finding.level.value, finding.sentence

    assert found()[0] == "ok"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, LOGIN_REQUIRED]):
        assert found()[0] == "ok"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{__name__}.Doorman"]):
        level, sentence = found()
    assert level == "warning"
    assert "302" in sentence
