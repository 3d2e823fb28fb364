"""A Pandabase without a socket answers as one with a socket does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from pandabase_django.checkout import FreeItem, open_checkout
from pandabase_django.database import transaction
from pandabase_django.exceptions import (
    CheckoutUnavailable,
    InvalidCredential,
    ProtocolError,
    RateLimited,
    ServerError,
    TransportError,
)
from pandabase_django.models import Order, Product, SyncRun
from pandabase_django.services import client_for
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.testing import Pandabase
from tests.api.wire.sending import client as stranger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_socket(socket_disabled: None) -> Iterator[None]:
    """Not even one of this machine."""
    return


def test_a_store_is_connected_and_answers(pandabase: Pandabase) -> None:
    with client_for(pandabase.store) as client:
        assert client.store.get().id == pandabase.store.pk
    assert pandabase.token.health == "OK"
    assert f"GET /v2/core/stores/{pandabase.store.pk}" in pandabase.remote.requests


@pytest.mark.pandabase(products=3, orders=7)
def test_a_sync_reads_it(pandabase: Pandabase) -> None:
    for resource in ("products", "orders"):
        result = sync_resource(pandabase.store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
        assert result.run.state == "COMPLETED"
    assert (Product.objects.count(), Order.objects.count()) == (3, 7)


def test_nobody_sleeps_for_a_limit(pandabase: Pandabase) -> None:
    pandabase.remote.next(429, retry_after_seconds=50)
    pandabase.remote.next(503, times=2)
    began = time.monotonic()
    with client_for(pandabase.store) as client:
        client.store.get()
    assert time.monotonic() - began < 1
    assert pandabase.remote.requests[-4:] == [f"GET /v2/core/stores/{pandabase.store.pk}"] * 4


class Undone(Exception):
    """As the end of a test undoes what it wrote."""


def test_a_limit_of_one_test_does_not_hold_up_the_next(db: None) -> None:
    def ask(pandabase: Pandabase) -> None:
        with client_for(pandabase.store) as client:
            client.store.get()

    for _ in range(2):
        options = {"rate_limit_type": "StoreResource"}
        with suppress(Undone), transaction.atomic(), Pandabase(**options) as pandabase:
            ask(pandabase)
            pandabase.remote.next(429, times=0, retry_after_seconds=3600)
            with pytest.raises(RateLimited):
                ask(pandabase)
            raise Undone


@pytest.mark.parametrize(
    ("fault", "error", "unknown"),
    [
        (500, ServerError, True),
        ("unreachable", TransportError, False),
        ("lost", TransportError, True),
        ("broken", TransportError, True),
    ],
)
def test_a_fault_is_met_once(
    pandabase: Pandabase, fault: int | str, error: type[Exception], unknown: bool
) -> None:
    pandabase.remote.next(fault, method="POST", path="/categories$")
    with client_for(pandabase.store, hurried=True) as client:
        with pytest.raises(error) as raised:
            client.request("category_create", body={"name": "First"})
        client.request("category_create", body={"name": "Second"})
    assert getattr(raised.value, "outcome_unknown") is unknown  # noqa: B009
    made = [one["name"] for one in pandabase.remote.sandbox.dump("categories")]
    assert made == (["First", "Second"] if fault == "lost" else ["Second"])


def test_an_unknown_fault_is_refused(pandabase: Pandabase) -> None:
    with pytest.raises(ValueError, match="unreachable, lost, broken"):
        pandabase.remote.next("gone")


@pytest.mark.parametrize(
    ("action", "args", "error"),
    [
        ("truncate", {}, TransportError),
        ("cut_json", {}, ProtocolError),
        ("html", {}, ProtocolError),
    ],
)
def test_broken_answers_break_as_on_a_wire(
    pandabase: Pandabase, action: str, args: dict[str, Any], error: type[Exception]
) -> None:
    pandabase.remote.sandbox.fault([{"action": action, "args": args, "times": 0}])
    with pytest.raises(error), client_for(pandabase.store, hurried=True) as client:
        client.store.get()


def test_all_that_this_process_asks_comes_here(pandabase: Pandabase) -> None:
    with pytest.raises(InvalidCredential), stranger() as client:
        client.store.get()
    assert pandabase.remote.requests[-1] == "GET /v2/core/stores/shp_1"


def test_a_checkout_leads_to_an_address_that_is_encrypted(pandabase: Pandabase) -> None:
    item = FreeItem(name="Course", amount_minor=2900)
    session = open_checkout(pandabase.store, [item], return_url="https://shop.example/")
    assert session.checkout_url.startswith("https://pandabase.test/pay/")
    pandabase.remote.next("unreachable")
    with pytest.raises(CheckoutUnavailable):
        open_checkout(pandabase.store, [item], return_url="https://shop.example/")
