import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandabase_django.sandbox.seed.identity import PREFIXES, Identities

IDS = Identities(3)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PREFIXES)), st.integers(0, 2**40 - 1))
def test_an_id_has_the_vendors_shape_and_gives_its_index_back(kind: str, index: int) -> None:
    made = IDS.make(kind, index)
    assert re.fullmatch(re.escape(PREFIXES[kind]) + "[0-9a-hjkmnp-tv-z]{24}", made)
    assert IDS.index_of(kind, made) == index


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40 - 1))
def test_an_order_number_gives_its_index_back(index: int) -> None:
    assert IDS.index_of_order_number(IDS.order_number(index)) == index


def test_an_id_of_another_seed_or_kind_is_unknown() -> None:
    made = IDS.make("order", 5)
    assert Identities(4).index_of("order", made) is None
    assert IDS.index_of("product", made.replace("ord_", "prd_")) is None


def test_an_id_with_one_changed_character_is_unknown() -> None:
    made = IDS.make("order", 5)
    for place in range(4, len(made)):
        other = "0" if made[place] != "0" else "1"
        assert IDS.index_of("order", made[:place] + other + made[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "ord_", "ord_" + "i" * 24, "ord_" + "é" * 24, "ord_" + "0" * 23]
)
def test_text_that_is_no_id_is_unknown(text: str) -> None:
    assert IDS.index_of("order", text) is None


@pytest.mark.parametrize("text", ["", "cs_", "cs_zz", "cs_00", "cs_0000000000000000"])
def test_text_that_is_no_order_number_is_unknown(text: str) -> None:
    assert IDS.index_of_order_number(text) is None
