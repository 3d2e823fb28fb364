"""A cache that does not answer is named, and everything else goes on."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.urls import reverse

from pandabase_django.models import ApiToken, Store, WebhookEndpoint
from pandabase_django.services.health.checklist import cache_is_shared
from pandabase_django.services.health.figures import sales_figures
from pandabase_django.services.health.findings import Level, Situation
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.services.tokens.connection import test_connection as try_connection

pytestmark = pytest.mark.django_db


class NoLibrary(LocMemCache):
    """As PyMemcacheCache without pymemcache."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'pymemcache'")


class DownCache(LocMemCache):
    """As Redis or Memcached without their server."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError("refused")

    get = get_many = set = add = incr = delete = delete_many = _refuse


@pytest.fixture(autouse=True)
def _down(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.health.test_cache_down.DownCache"}}


def test_the_overview_shows_its_figures(admin_client: Any) -> None:
    Store.objects.create(pk="shp_1")
    assert admin_client.get(reverse("admin:app_list", args=["pandabase"])).status_code == 200
    assert admin_client.get(reverse("admin:pandabase_overview_sales")).status_code == 200
    assert admin_client.get(reverse("admin:index")).status_code == 200


def test_what_is_kept_in_a_cache_is_missing_and_no_error() -> None:
    assert sales_figures(["shp_1"]).orders == 0


def test_the_check_asks_the_cache() -> None:
    found = cache_is_shared(Situation())
    assert found.level is Level.WARNING
    assert "default" in found.sentence


@pytest.mark.parametrize(
    "backend",
    ["tests.health.test_cache_down.NoLibrary", "there.is.no.such.Cache"],
    ids=["its library is missing", "it is misspelt"],
)
def test_a_cache_that_cannot_be_made_is_one_that_is_down(
    settings: Any, token: ApiToken, admin_client: Any, backend: str
) -> None:
    endpoint = WebhookEndpoint.objects.create(store=token.store)
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "shared": {"BACKEND": backend},
    }
    settings.PANDABASE = {**settings.PANDABASE, "RATE_LIMIT_CACHE": "shared"}
    assert try_connection(token).ok
    with client_for(token) as client:
        assert client.orders.list(limit=1)
    page = reverse("admin:pandabase_webhookendpoint_change", args=[endpoint.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.get(reverse("admin:app_list", args=["pandabase"])).status_code == 200
    assert "shared" in cache_is_shared(Situation()).sentence
