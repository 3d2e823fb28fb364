"""A write that may have been executed says so, and no loop that reads ``retryable`` repeats it."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
import responses

from pandabase_django.api.client import Client
from pandabase_django.exceptions import PandabaseError
from tests.api.wire.sending import BASE, KNOWN, UNKNOWN, URL, client

WEBHOOKS = f"{BASE}/v2/core/stores/shp_1/webhooks"
KEY = "mine-12345678"
CREATED = {"ok": True, "data": {"id": "prd_1"}}
WRITES: dict[str, tuple[str, str, Callable[[Client], object]]] = {
    "products.create": (
        "POST",
        URL,
        lambda opened: opened.products.create({"title": "x"}, idempotency_key=KEY),
    ),
    "products.update": (
        "PATCH",
        f"{URL}/prd_1",
        lambda opened: opened.products.update("prd_1", {"title": "x"}, idempotency_key=KEY),
    ),
    "products.delete": (
        "DELETE",
        f"{URL}/prd_1",
        lambda opened: opened.products.delete("prd_1", idempotency_key=KEY),
    ),
    "webhooks.create": (
        "POST",
        WEBHOOKS,
        lambda opened: opened.webhooks.create(
            {"url": "https://shop.example.com/", "eventTypes": ["PAYMENT_COMPLETED"]},
            idempotency_key=KEY,
        ),
    ),
    "webhooks.update": (
        "PATCH",
        f"{WEBHOOKS}/whk_1",
        lambda opened: opened.webhooks.update("whk_1", {"isEnabled": True}, idempotency_key=KEY),
    ),
    "webhooks.delete": (
        "DELETE",
        f"{WEBHOOKS}/whk_1",
        lambda opened: opened.webhooks.delete("whk_1", idempotency_key=KEY),
    ),
}


@pytest.mark.parametrize("answer", UNKNOWN)
@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_outcome_is_unknown_is_not_retryable_and_names_its_key(
    remote: responses.RequestsMock, write: str, answer: str
) -> None:
    if answer == "no object" and write.endswith("delete"):
        pytest.skip("A deletion needs no object in its answer.")
    method, url, call = WRITES[write]
    remote.add(method, url, **UNKNOWN[answer])
    with pytest.raises(PandabaseError) as caught:
        call(client())
    assert len(remote.calls) == 1
    assert remote.calls[0].request.headers["Idempotency-Key"] == KEY
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.retryable, error.retry_after_seconds) == (False, None)
        assert (error.outcome_unknown, error.idempotency_key) == (True, KEY)


@pytest.mark.parametrize("answer", KNOWN)
def test_a_write_that_was_refused_was_surely_not_executed(
    remote: responses.RequestsMock, answer: str
) -> None:
    remote.post(URL, **KNOWN[answer])
    with pytest.raises(PandabaseError) as caught:
        client().products.create({"title": "x"})
    assert (caught.value.retryable, caught.value.outcome_unknown) == (False, False)
    assert len(caught.value.idempotency_key) == 32


def test_a_write_that_was_never_sent_may_be_repeated_under_its_key() -> None:
    with pytest.raises(PandabaseError) as caught:
        client(base_url="http://127.0.0.1:9", retries=0).products.create({"title": "x"})
    assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
    assert caught.value.idempotency_key


@pytest.mark.parametrize("answer", ["500", "502 of a proxy", "503", "a broken connection"])
def test_a_read_stays_retryable(remote: responses.RequestsMock, answer: str) -> None:
    remote.get(URL, **UNKNOWN[answer])
    with pytest.raises(PandabaseError) as caught:
        client(retries=0).products.list()
    assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
    assert caught.value.idempotency_key == ""


@pytest.mark.parametrize("status", [501, 505])
def test_what_the_server_does_not_know_is_not_asked_again(
    remote: responses.RequestsMock, status: int
) -> None:
    remote.get(URL, status=status, json={"ok": False, "error": "no"})
    with pytest.raises(PandabaseError) as caught:
        client().products.list()
    assert caught.value.retryable is False
    assert len(remote.calls) == 1
