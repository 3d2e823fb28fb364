"""Lists whose objects are decoded on demand come to what decoding at once comes to."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pandabase_django.api.schemas import OrderRow, Page
from pandabase_django.api.wire.decoding import _decoded_slowly, decode
from pandabase_django.api.wire.replies import RawReply, Reply, read_reply
from pandabase_django.exceptions import ProtocolError

PAGINATION = b'{"page":1,"limit":100,"total":2,"totalPages":1}'
ORDER = (
    b'{"id":"ord_1","status":"COMPLETED","amount":5,'
    b'"customer":{"id":"cus_1","email":"a@example.com"}}'
)

ATOMS = st.sampled_from(
    [
        *(b"null", b"true", b"0", b"-0", b"1.0", b"1e2", b"1e400", b"-1E+999", b"1e-400"),
        *(b"NaN", b"-Infinity", b"9" * 310, b"9" * 5000, b"9" * 250 + b"e99", b"01", b"1.", b"tru"),
        *(b'"a"', b'"\\u0000"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u00e9"', b'"\xc3\xa9"'),
        *(b'"\xff"', b'"\xed\xa0\x80"', b'"\n"', b'"\\q"', b'"\\uZZZZ"', b'""', b'"4e999"'),
    ]
) | st.integers(-(2**70), 2**70).map(lambda n: str(n).encode())
KEYS = st.sampled_from(
    [
        *(b'"id"', b'"status"', b'"customer"', b'"email"', b'"\\u0069d"', b'"x"', b'"\\u0000"'),
        *(b'"amount"', b'"payment"', b'"totalAmount"', b'"createdAt"', b'"currency"'),
    ]
)


def in_brackets(parts: list[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"


def in_braces(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """An object; of its keys some may come twice."""
    return b"{" + b", ".join(key + b":" + value for key, value in pairs) + b"}"


VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3).map(in_brackets)
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(in_braces)
    ),
    max_leaves=8,
)
ORDERS = st.lists(
    st.tuples(KEYS, VALUES)
    | st.tuples(st.just(b'"id"'), st.sampled_from([b'"ord_1"', b'"a/b"', b'""', b"7", b'"\xff"'])),
    max_size=6,
).map(in_braces)


def read(body: bytes) -> Reply | str:
    try:
        return read_reply(RawReply(200, "req_1", body))
    except ProtocolError as error:
        return error.message


def body_of(*items: bytes, more: bytes = b"") -> bytes:
    data = b'{"items":' + in_brackets(list(items)) + b',"pagination":' + PAGINATION + more + b"}"
    return b'{"ok":true,"data":' + data + b"}"


def rows(data: Any) -> list[tuple[Any, ...]]:
    page = Page.from_json(data, read=OrderRow.from_json)
    return [
        (
            *(row.id, row.status, row.payload, row.digest, row.summary, row.created_at),
            *(row.names_otherwise(pk, email) for pk in (None, "a") for email in (None, "", "a")),
        )
        for row in page.items
    ] + [page.warnings]


@given(body=VALUES)
def test_any_body_is_decoded_as_the_standard_library_decodes_it(body: bytes) -> None:
    slow = _decoded_slowly(body)
    if slow is None:
        with pytest.raises(ProtocolError):
            decode(body)
        return
    fast = decode(body)
    # Texts, since 1 == 1.0 == True.
    assert (repr(fast.data), fast.replaced) == (repr(slow.data), slow.replaced)


@given(items=st.lists(ORDERS | VALUES, max_size=3))
@example(items=[b'{"id":"a","id":"b"}'])
@example(items=[b'{"id":"a","customer":{"id":"a","email":"x","email":null}}'])
@example(items=[b'{"id":"a","customer":{"id":"a"}}', b'{"id":"a","customer":{}}'])
@example(items=[b'{"id":"a","customer":{"id":"a","email":7}}'])
@example(items=[b'{"id":"a","x":' + b"9" * 250 + b"e99}"])
@example(items=[b'{"id":"a","x":"4e999"}'])
@example(items=[b'{"id":"a","amount":5.0,"payment":{}}', b'{"id":"a","payment":{"status":"A"}}'])
@example(
    items=[b'{"id":"a","amount":9223372036854775807}', b'{"id":"a","amount":-9223372036854775808}']
)
@example(items=[b'{"id":"a","createdAt":"2026-03-16"}', b'{"id":"a","createdAt":"0001-01-01"}'])
@example(items=[b'{"id":"a","createdAt":"soon"}', b'{"id":"a","createdAt":1773639422}'])
@example(items=[b'{"id":"a","orderNumber":"' + "\u00e4".encode() * n + b'"}' for n in (500, 501)])
@example(items=[b'{"id":"a","customer":{"id":"' + b"c" * n + b'"}}' for n in (0, 128, 129)])
def test_a_list_comes_to_the_same_decoded_at_once_or_on_demand(items: list[bytes]) -> None:
    body = body_of(*items)
    slow, reply = _decoded_slowly(body), read(body)
    if slow is None:
        assert isinstance(reply, str)
        return
    assert isinstance(reply, Reply)
    listed = reply.content.listed
    assert rows(listed.data) == rows(slow.data["data"])
    of_rows = [row.replaced for row in Page.from_json(listed.data, read=OrderRow.from_json).items]
    assert set(listed.replaced).union(*of_rows) <= set(slow.replaced)
    assert repr(reply.data) == repr(slow.data["data"])
    assert reply.replaced == slow.replaced


@given(
    body=st.lists(
        st.tuples(st.sampled_from([b'"ok"', b'"data"', b'"x"']), VALUES | st.just(b"true")),
        max_size=5,
    ).map(in_braces)
)
@example(body=b'{"ok":true}')
@example(body=b'{"ok":false,"ok":true,"data":1}')
@example(body=b'{"ok":true,"data":{"items":[]},"data":[1]}')
def test_any_envelope_is_read_as_before(body: bytes) -> None:
    slow, reply = _decoded_slowly(body), read(body)
    good = slow is not None and isinstance(slow.data, dict) and slow.data.get("ok") is True
    assert isinstance(reply, Reply) == good
    if isinstance(reply, Reply) and slow is not None:
        assert repr(reply.data) == repr(slow.data.get("data"))


def test_the_objects_of_a_clean_list_are_not_decoded() -> None:
    reply = read(body_of(ORDER, ORDER))
    assert isinstance(reply, Reply)
    listed = reply.content.listed.data
    assert [type(item) for item in listed["items"]] == [msgspec.Raw, msgspec.Raw]
    (row, _) = Page.from_json(listed, read=OrderRow.from_json).items
    assert (row.id, row.status, row.names) == ("ord_1", "COMPLETED", ("cus_1", "a@example.com"))
    assert row.bytes_digest
    assert row._payload is None
    assert row.payload == json.loads(ORDER)


@pytest.mark.parametrize("value", [b'"\\u0000"', b'"\\ud800"', b"NaN", b"-Infinity"])
def test_a_list_in_which_something_is_replaced_is_decoded_at_once(value: bytes) -> None:
    reply = read(body_of(ORDER, ORDER[:-1] + b',"x":' + value + b"}"))
    assert isinstance(reply, Reply)
    listed = reply.content.listed
    page = Page.from_json(listed.data, read=OrderRow.from_json, replaced=listed.replaced)
    assert [row.bytes_digest for row in page.items] == ["", ""]
    assert len(page.warnings) == 1
    assert "replaced" in page.warnings[0]


@pytest.mark.parametrize("value", [b"1e400", b"9" * 5000, b"9" * 250 + b"e99"])
def test_a_number_beyond_every_range_is_named_by_the_row_that_is_decoded(value: bytes) -> None:
    reply = read(body_of(ORDER, ORDER[:-1] + b',"x":' + value + b"}"))
    assert isinstance(reply, Reply)
    one, other = Page.from_json(reply.content.listed.data, read=OrderRow.from_json).items
    assert (one.replaced, len(other.replaced)) == ((), 1)
    assert (other.payload["x"], "replaced" in other.replaced[0]) == (None, True)


def test_what_stands_beside_a_list_is_kept_for_those_who_ask_for_data() -> None:
    reply = read(body_of(ORDER, more=b',"summary":{"count":1}'))
    assert isinstance(reply, Reply)
    assert reply.content.listed.data["items"]
    assert reply.data["summary"] == {"count": 1}
    assert reply.data["items"] == [json.loads(ORDER)]


def test_an_answer_shows_nothing_of_its_content_in_its_repr() -> None:
    reply = read(b'{"ok":true,"data":{"secret":"sk_canary"}}')
    assert isinstance(reply, Reply)
    assert "canary" not in repr(reply) + repr(reply.content)
