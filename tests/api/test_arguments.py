"""What callers may give a client, and what they are told of what they may not."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
import responses
from responses.matchers import query_param_matcher

from pandabase_django.api.listing import Listing
from tests.api.wire.sending import OK, URL, client


class Status(Enum):
    ACTIVE = "ACTIVE"


PAGES = [
    {
        "ok": True,
        "data": {
            "items": [{"id": f"prd_{page}"}],
            "pagination": {"page": page, "limit": 1, "total": 4, "totalPages": 4},
        },
    }
    for page in (3, 4)
]


def test_an_iteration_begins_at_the_page_that_is_given(remote: responses.RequestsMock) -> None:
    for page in PAGES:
        remote.get(URL, json=page)
    found = [product.id for product in client().products.iterate(page=3, limit=1)]
    assert found == ["prd_3", "prd_4"]
    assert [call.request.params["page"] for call in remote.calls] == ["3", "4"]


@pytest.mark.fact(25)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "2026-01-02T03:04:05.000Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-02T01:04:05.678Z",
        ),
        (date(2026, 1, 2), "2026-01-02"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("1E+2"), "100"),
        (Status.ACTIVE, "ACTIVE"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_a_value_of_a_query_is_sent_as_the_remote_writes_it(
    remote: responses.RequestsMock, value: Any, text: str
) -> None:
    wanted = {"search": text, "page": "1", "limit": "100"}
    remote.get(URL, json=OK, match=[query_param_matcher(wanted)])
    client().products.list(search=value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime(2026, 1, 2), ValueError),  # noqa: DTZ001  that is what is tried
        (["a", "b"], TypeError),
        (("a",), TypeError),
        ({"a"}, TypeError),
        ({"a": 1}, TypeError),
        (b"a", TypeError),
        (object(), TypeError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (Decimal("NaN"), ValueError),
    ],
)
def test_a_value_without_one_text_is_refused_and_named(value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="search of products_list"):
        client().products.list(search=value)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"limit": 0}, ValueError),
        ({"limit": 101}, ValueError),
        ({"limit": "10"}, TypeError),
        ({"limit": True}, TypeError),
        ({"page": 0}, ValueError),
        ({"page": -1}, ValueError),
        ({"page": 1.0}, TypeError),
    ],
)
def test_a_page_out_of_range_is_refused_and_named(
    given: dict[str, Any], kind: type[Exception]
) -> None:
    (name,) = given
    for call in (client().products.list, client().products.iterate):
        with pytest.raises(kind, match=f"^{name} is"):
            call(**given)


def test_an_unknown_operation_is_answered_with_those_that_are_near_it() -> None:
    with pytest.raises(LookupError, match=r"no operation 'product_list'.*products_list") as caught:
        client().request("product_list")
    assert not isinstance(caught.value, KeyError)  # whose text is shown in quotes


@pytest.mark.parametrize("identifier", [7, None, b"ord_1", uuid.UUID(int=1)])
def test_an_id_that_is_no_text_is_refused_and_named(identifier: Any) -> None:
    with pytest.raises(TypeError, match="order_id of order_get is a str"):
        client().orders.get(identifier)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"price": Decimal(1)}, TypeError),
        ({"at": datetime(2026, 1, 2, tzinfo=timezone.utc)}, TypeError),
        ({"x": b"bytes"}, TypeError),
        ({"x": float("nan")}, ValueError),
        ({"x": "\ud800"}, ValueError),
    ],
)
def test_a_body_that_is_no_json_is_refused_and_its_operation_named(
    body: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="The body of product_create can't be written as JSON"):
        client().products.create(body)


def test_a_read_takes_neither_body_nor_key() -> None:
    with pytest.raises(TypeError, match="products_list takes no body"):
        client().request("products_list", body={})
    with pytest.raises(TypeError, match="takes no idempotency key"):
        client().request("products_list", idempotency_key="12345678")


@pytest.mark.fact(10)
@pytest.mark.parametrize("key", ["", "short", "a" * 33, "with space", "line\nbreak1", "é" * 9])
def test_a_malformed_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="8 to 32"):
        client().products.create({}, idempotency_key=key)


def test_a_closed_client_says_that_it_is_closed() -> None:
    with client() as opened:
        pass
    with pytest.raises(RuntimeError, match="with client_for"):
        opened.products.list()
    with pytest.raises(RuntimeError, match="closed"):
        opened.probe()


def test_filters_are_sent_in_the_spelling_of_the_remote(remote: responses.RequestsMock) -> None:
    # The remote spells some in camelCase, and those of subscriptions in snake_case.
    listed = {"items": [], "pagination": {"page": 1, "limit": 1, "total": 0, "totalPages": 0}}
    for path in ("customers", "subscriptions"):
        remote.get(URL.replace("products", path), json={"ok": True, "data": listed})
    caller = client()
    Listing(caller, "customers_list", dict).list(limit=1, sort_by="email")
    Listing(caller, "subscriptions_list", dict).list(limit=1, product_id="prd_1")
    first, second = (dict(call.request.params) for call in remote.calls)
    assert first["sortBy"] == "email"
    assert second["product_id"] == "prd_1"
