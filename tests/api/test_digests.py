"""Digests: the fast encoder writes what the slow one would, and pairs tell bytes from meaning."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandabase_django.api.digests import bytes_digest, digest_of, paired, says_the_same, was_met

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = (
    st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


def as_ever(payload: dict[str, Any]) -> str:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"1\n{text}".encode()).hexdigest()


@given(payload=st.dictionaries(TEXTS, VALUES))
@pytest.mark.thorough
def test_a_digest_is_that_of_the_standard_librarys_text(payload: dict[str, Any]) -> None:
    assert digest_of(payload) == as_ever(payload)


@pytest.mark.parametrize(
    "payload",
    [
        {"a": 1e16},
        {"a": [1e-7]},
        {"a": [0, -1.5e300]},
        {"a": {"b": -0.0}},
        {"a": 2**200},
        {"a": "\x7f\x1f\u2028\\/"},
        {"é": 1, "z": 2, "\U0001f600": 3, "\uffff": 4},
    ],
)
def test_so_is_one_of_odd_numbers_and_texts(payload: dict[str, Any]) -> None:
    assert digest_of(payload) == as_ever(payload)


def test_a_pair_tells_the_same_bytes_from_the_same_meaning() -> None:
    one, other = b'{"id":"a","n":1}', b'{"n":1,"id":"a"}'
    canonical = digest_of(json.loads(one))
    stored = paired(canonical, bytes_digest(one))
    assert len(stored) == 64  # the column's width
    assert was_met(stored, bytes_digest(one))
    assert not was_met(stored, bytes_digest(other))
    assert says_the_same(stored, digest_of(json.loads(other)))
    assert not says_the_same(stored, digest_of({"id": "a", "n": 2}))


def test_a_column_of_an_earlier_version_says_the_same_and_was_not_met() -> None:
    raw = b'{"id":"a"}'
    stored = digest_of(json.loads(raw))
    assert says_the_same(stored, digest_of(json.loads(raw)))
    assert not was_met(stored, bytes_digest(raw))


def test_bytes_that_were_not_kept_were_never_met() -> None:
    stored = paired(digest_of({"id": "a"}), "")
    assert not was_met(stored, "")
    assert says_the_same(stored, digest_of({"id": "a"}))
