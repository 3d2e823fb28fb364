"""Which address a shop's public client calls, and when it doesn't."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone

from pandabase_django.api.params import FreeItem
from pandabase_django.exceptions import ConfigurationError, PandabaseError, RateLimited
from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.checkout.clients import public_base_url, public_client_for
from pandabase_django.services.tokens.rates import CacheRateState, forget_limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def lone_store() -> Store:
    """A store without a token."""
    return Store.objects.create(pk="shp_1")


@pytest.mark.fact(44)
def test_a_store_is_called_where_its_active_token_is_used(store: Store, token: ApiToken) -> None:
    assert public_base_url(store) == token.base_url
    token.role = ApiToken.Role.STANDBY
    token.save()
    assert public_base_url(store) == "https://api.pandabase.io"


def test_what_is_opened_is_paid_and_found_as_an_order(store: Store, sandbox: Sandbox) -> None:
    line: FreeItem = {"name": "A course", "amount": 4900, "quantity": 1}
    with public_client_for(store) as client:
        session = client.checkout.create({"items": [line], "metadata": {"ref": "abc"}})
        estimate = client.checkout.estimate({"items": [line], "country": "DE"})
        assert client.storefront.store().id == store.pk
        listed = client.storefront.products.list(sort_by="price", sort_order="asc").items
    assert (session.total_amount_minor, estimate.total_minor) == (4900, 5831)
    assert session.expires_at is not None
    assert timedelta(hours=5.9) < session.expires_at - timezone.now() < timedelta(hours=6.1)
    assert [product.warnings for product in listed] == [()] * len(listed)
    _, order_id = sandbox.change([{"op": "pay_checkout", "id": session.id}])
    with client_for(store) as client:
        order = client.orders.get(order_id)
    assert (order.order_number, order.status) == (session.id, "COMPLETED")
    assert order.payload["metadata"] == {"ref": "abc"}


@pytest.mark.parametrize(
    ("fault", "opened"),
    [
        ({"action": "status", "args": {"status": 503}}, 0),
        ({"action": "html", "args": {"status": 200}}, 0),
        ({"action": "html", "args": {"status": 403}}, 0),
        ({"action": "close"}, 0),
        ({"action": "commit_then_reset"}, 1),
        ({"action": "cut_json"}, 1),
        ({"action": "null_data"}, 1),
    ],
)
def test_a_session_is_asked_for_once_whatever_is_answered(
    store: Store, sandbox: Sandbox, fault: dict[str, Any], opened: int
) -> None:
    sandbox.fault([{"match": {"path_regex": "checkouts$"}, "times": 0, **fault}])
    served = sandbox.requests_served
    with (
        public_client_for(store, hurried=False) as client,
        pytest.raises(PandabaseError) as caught,
    ):
        client.checkout.create({"items": [{"name": "x", "amount": 100, "quantity": 1}]})
    assert caught.value.outcome_unknown
    assert sandbox.requests_served == served + 1
    assert len(sandbox.dump("checkouts")) == opened


@override_settings(PANDABASE={"API_URL": "http://api.example.com"})
def test_an_address_without_encryption_is_refused_in_clear_words(lone_store: Store) -> None:
    with pytest.raises(ConfigurationError, match=r"API_URL.*https"):
        public_client_for(lone_store)


def test_a_disabled_store_sells_nothing(lone_store: Store) -> None:
    lone_store.enabled = False
    with pytest.raises(ConfigurationError, match="disabled here"):
        public_client_for(lone_store)


@pytest.mark.fact(29)
@pytest.mark.parametrize("scope", ["StoreResource", "AccountResource"])
def test_a_sync_at_its_limit_turns_no_buyer_away(
    store: Store, token: ApiToken, sandbox: Sandbox, scope: str
) -> None:
    cache.clear()
    sandbox.set(rate_limit_type=scope)
    args = {"status": 429, "retry_after_seconds": 30}
    refusal = {"match": {"path_regex": "/products"}, "action": "status", "args": args}
    sandbox.fault([refusal])
    with client_for(store, hurried=True) as client, pytest.raises(RateLimited):
        client.products.list(limit=1)
    with public_client_for(store) as buyers:
        assert buyers.storefront.store().id == store.pk
    # Nor does what buyers have used up stop a sync; but it stops the next buyer.
    cache.clear()
    sandbox.fault([{**refusal, "match": {"path_regex": "storefront"}}])
    for _ in range(2):
        with public_client_for(store) as buyers, pytest.raises(RateLimited):
            buyers.storefront.store()
    with client_for(store, hurried=True) as client:
        assert client.products.list(limit=1).items
    # The next test of a shop has a store with the same id.
    forget_limits(token)
    with public_client_for(store) as buyers:
        assert buyers.storefront.store().id == store.pk
    cache.clear()


@pytest.mark.parametrize(("seconds", "answered"), [(0.5, True), (20, False)])
def test_a_buyer_waits_a_moment_for_the_limit_of_this_address(
    store: Store, sandbox: Sandbox, seconds: float, answered: bool
) -> None:
    cache.clear()
    CacheRateState().block("ip", time.time() + seconds)
    served, began = sandbox.requests_served, time.monotonic()
    try:
        with public_client_for(store) as client:
            client.storefront.store()
    except RateLimited:
        assert not answered
    assert (sandbox.requests_served > served) is answered
    assert time.monotonic() - began < 3
    cache.clear()


def test_a_limit_that_one_client_met_is_kept_by_the_next(lone_store: Store) -> None:
    cache.clear()
    refusal = {"ok": False, "error": "slow down"}
    limit = {"X-RateLimit-Type": "GlobalResource", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    with responses.RequestsMock() as remote:
        url = "https://api.pandabase.io/v2/storefront/stores/shp_1"
        remote.get(url, status=429, json=refusal, headers=limit)
        for _ in range(2):
            with public_client_for(lone_store) as client, pytest.raises(RateLimited) as caught:
                client.storefront.store()
            assert caught.value.retry_after_seconds is not None
        assert len(remote.calls) == 1
    cache.clear()
