"""One key in several stores, such as of a shop that has moved: each store is asked."""

from __future__ import annotations

import pytest

from pandabase_django.models import License, Store
from pandabase_django.services.licenses import throttle
from pandabase_django.testing import Pandabase
from tests.licenses.asking import ask, asked

pytestmark = pytest.mark.django_db

KEY = "SAME-KEY-IN-BOTH-0451"


def licences(*stores: Pandabase) -> list[License]:
    """A licence with the same key in each store."""
    made = []
    for one in stores:
        licence = one.license()
        one.remote.change("edit_license", id=licence.pk, fields={"key": KEY})
        one.sync("licenses")
        made.append(licence)
    return made


@pytest.mark.parametrize("revoked", [0, 1])
def test_a_key_that_one_store_has_revoked_is_good_in_the_other(
    pandabase: Pandabase, revoked: int
) -> None:
    with Pandabase(seed=2) as other:
        stores = (pandabase, other)
        mine = licences(*stores)
        stores[revoked].refund(mine[revoked].order)
        for one in stores:
            one.sync("licenses")
        said = ask(KEY)
        assert (said["valid"], said["product"]) == (True, mine[1 - revoked].product_id)
        assert ask(KEY, product=mine[1 - revoked].product_id)["valid"]
        assert ask(KEY, product=mine[revoked].product_id)["status"] == "REVOKED"


def test_it_is_revoked_once_both_have_and_of_a_store_that_is_away_the_mirror_answers(
    pandabase: Pandabase,
) -> None:
    with Pandabase(seed=2) as other:
        mine, theirs = licences(pandabase, other)
        pandabase.refund(mine.order)
        pandabase.sync("licenses")
        other.remote.next(503, times=0, path="/licenses/verify")
        said = ask(KEY)
        assert (said["valid"], said["source"]) == (True, "mirror")
        other.remote.recover()
        other.refund(theirs.order)
        other.sync("licenses")
        pandabase.travel(minutes=5)
        said = ask(KEY)
        assert (said["valid"], said["status"]) == (False, "REVOKED")


def test_a_guess_about_a_product_is_asked_at_its_store_alone(pandabase: Pandabase) -> None:
    with Pandabase(seed=2) as other:
        product = other.product(product_type="LICENSE_KEY")
        said = ask("NOBODY-KNOWS-THIS", product=product.pk)
        assert (said["status"], said["source"]) == (None, "pandabase")
        assert [asked(one.remote.sandbox) for one in (pandabase, other)] == [0, 1]
        # What was bought a minute ago, and is not mirrored yet.
        order = other.paid_order(product)
        key = next(one for one in other.remote.sandbox.dump("licenses"))["key"]
        assert order.status == "COMPLETED"
        assert ask(key, product=product.pk)["valid"]
        assert asked(pandabase.remote.sandbox) == 0


def test_requests_about_guesses_are_counted_and_not_the_questions(
    pandabase: Pandabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_000.25)
    with Pandabase(seed=2) as other:
        for number in range(5):
            assert ask(f"GUESS-{number}")["source"] == "pandabase"
        ask("GUESS-5", 429)
        assert [asked(one.remote.sandbox) for one in (pandabase, other)] == [5, 5]


def test_a_stranger_s_question_is_not_sent_to_hundreds_of_stores(pandabase: Pandabase) -> None:
    licence = pandabase.license()
    key = next(one for one in pandabase.remote.sandbox.dump("licenses"))["key"]
    Store.objects.bulk_create([Store(pk=f"shp_{number}") for number in range(10)])
    said = ask("NOBODY-KNOWS-THIS")
    assert (said["valid"], said["status"], said["source"]) == (False, None, "mirror")
    assert asked(pandabase.remote.sandbox) == 0
    assert ask("NOBODY-KNOWS-THIS", product=licence.product_id)["source"] == "pandabase"
    assert ask(key)["source"] == "pandabase"
