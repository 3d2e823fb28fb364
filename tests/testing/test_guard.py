"""Nothing that a test does asks the real Pandabase unless it says so."""

from __future__ import annotations

from contextlib import suppress

import pytest
import responses

from pandabase_django.api.wire.egress import Egress
from pandabase_django.api.wire.reach import reach
from pandabase_django.exceptions import TransportError
from pandabase_django.models import Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.testing import NetworkRefused, refusing_network
from tests.api.wire.sending import OK, URL, transport
from tests.connecting import connect


def test_a_request_that_would_leave_says_what_to_do() -> None:
    with refusing_network() as refused, pytest.raises(NetworkRefused) as raised:
        transport().send("GET", "/v2")
    assert "would have asked api.pandabase.io" in str(raised.value)
    assert "fixture `pandabase`" in str(raised.value)
    assert refused.hosts == ["api.pandabase.io"]


def test_so_does_one_through_a_proxy() -> None:
    egress = Egress(proxies={"https": "http://proxy.example:3128"})
    with refusing_network(), pytest.raises(NetworkRefused, match=r"proxy\.example"):
        transport(egress=egress).send("GET", "/v2")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_so_does_one_through_a_proxy_here(scheme: str) -> None:
    egress = Egress(proxies={"https": f"{scheme}://127.0.0.1:9"})
    with refusing_network(), pytest.raises(NetworkRefused, match=r"api\.pandabase\.io"):
        transport(egress=egress).send("GET", "/v2")
    with refusing_network(), pytest.raises(NetworkRefused, match=r"api\.pandabase\.io"):
        reach("https://api.pandabase.io", timeout_seconds=1, egress=egress)


def test_a_proxy_elsewhere_is_refused_even_on_the_way_to_this_machine() -> None:
    egress = Egress(proxies={"https": "http://proxy.example:3128"})
    with refusing_network(), pytest.raises(NetworkRefused, match=r"proxy\.example"):
        transport(base_url="https://localhost:9", egress=egress).send("GET", "/v2")
    with refusing_network(), pytest.raises(NetworkRefused, match=r"proxy\.example"):
        reach("https://localhost:9", timeout_seconds=1, egress=egress)


@pytest.mark.parametrize("target", ["http://localhost:9", "https://127.0.0.1:9", "https://[::1]:9"])
def test_this_machine_may_be_asked_through_a_proxy_here(target: str) -> None:
    egress = Egress(proxies={"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"})
    with refusing_network() as refused, pytest.raises(TransportError):
        transport(base_url=target, egress=egress, retries=0).send("GET", "/v2")
    refused.check()


def test_so_does_the_search_for_a_fault() -> None:
    with refusing_network(), pytest.raises(NetworkRefused):
        reach("https://api.pandabase.io", timeout_seconds=1)


def test_a_request_that_was_refused_is_remembered_whoever_catches_the_error() -> None:
    with refusing_network() as refused:
        with suppress(BaseException):
            transport().send("GET", "/v2")
        with pytest.raises(NetworkRefused):
            refused.check()


def test_this_machine_may_be_asked() -> None:
    with refusing_network() as refused, pytest.raises(TransportError, match="refused"):
        transport(base_url="http://127.0.0.1:9", retries=0).send("GET", "/v2")
    refused.check()


@responses.activate
def test_what_responses_answers_is_no_request() -> None:
    responses.get(URL, json=OK)
    with refusing_network() as refused:
        transport().send("GET", URL.removeprefix("https://api.pandabase.io"))
    refused.check()


@pytest.mark.django_db
def test_a_thread_that_is_refused_ends_the_test_too() -> None:
    store = Store.objects.create(pk="shp_guarded00000000000001")
    with Sandbox(products=0, orders=0) as sandbox:
        options = {"store_id": store.pk, "base_url": "https://api.pandabase.io", "test": False}
        connect(sandbox, **options)
    with refusing_network():
        with pytest.raises(NetworkRefused), client_for(store) as client:
            client.store.get()
        with pytest.raises(NetworkRefused):
            fetch_order(store, "ord_1")
