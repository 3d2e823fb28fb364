"""The plugin is loaded everywhere: it guards the shops' tests, and does nothing to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandabase_django.sandbox.seed.identity import Identities
from tests.testing.inner import SETTINGS, run_pytest, write_project

ASKING = """
import pytest

from pandabase_django.api.auth import NoAuth
from pandabase_django.api.public import PublicClient
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.api.wire.transport import Transport


def ask(address):
    limits = RateLimits(store_id="shp_1", token_key="1")
    policy = RequestPolicy(retries=0)
    Transport(base_url=address, auth=NoAuth(), limits=limits, policy=policy).send("GET", "/")
"""
GUARDED = (
    ASKING
    + """
from pandabase_django.exceptions import TransportError
from pandabase_django.services import client_for


def test_asks():
    ask("https://pandabase.invalid")


def test_hides_it():
    try:
        ask("https://pandabase.invalid")
    except BaseException:
        pass


@pytest.mark.pandabase_network
def test_may_ask():
    with pytest.raises(TransportError):
        ask("https://pandabase.invalid")


def test_asks_this_machine():
    with pytest.raises(TransportError):
        ask("http://127.0.0.1:9")


def test_asks_the_fixture(pandabase):
    with client_for(pandabase.store) as client:
        assert client.store.get().id == pandabase.store.pk


@pytest.mark.pandabase(seed=1, products=4)
def test_gives_options(pandabase):
    assert pandabase.store.pk == "{store}"
    assert pandabase.remote.sandbox.counts()["products"] == 4


def test_has_a_store_of_its_own(pandabase):
    assert pandabase.store.pk != "{store}"
"""
)
HIDDEN = (
    ASKING
    + """

def hide():
    try:
        ask("https://pandabase.invalid")
    except BaseException:
        pass


@pytest.fixture
def at_its_begin():
    hide()


@pytest.fixture
def at_its_end():
    yield
    hide()


@pytest.fixture(scope="module")
def at_the_end_of_all():
    yield
    hide()


def test_at_its_begin(at_its_begin):
    pass


def test_at_its_end(at_its_end):
    pass


def test_at_no_end(at_the_end_of_all):
    pass


def test_in_the_middle():
    hide()


@pytest.fixture
def ended():
    yield
    ended_names.append("ended")


@pytest.fixture
def openly_at_its_end(ended):
    yield
    ask("https://pandabase.invalid")


ended_names = []


def test_openly_at_its_end(openly_at_its_end):
    pass


def test_the_others_have_ended():
    assert ended_names == ["ended"]


def test_last():
    pass
"""
)
UNITTEST = """
import pytest
from django.test import TestCase, TransactionTestCase

from pandabase_django.models import Store
from pandabase_django.testing import PandabaseMixin


class Own:
    @pytest.fixture(autouse=True)
    def connected(self, pandabase):
        self.pandabase = pandabase


class Tests:
    def test_one(self):
        assert Store.objects.get() == self.pandabase.store

    test_two = test_one


class TestFixtureInATestCase(Own, Tests, TestCase):
    pass


class TestFixtureInATransactionTestCase(Own, Tests, TransactionTestCase):
    pass


class TestMixin(PandabaseMixin, Tests, TestCase):
    pass


@pytest.mark.django_db
class TestPlainClass(Own, Tests):
    pass
"""
CHANGED = """
from django.conf import settings as current


def change(settings):
    settings.PANDABASE = {**settings.PANDABASE, "READ_ONLY": True}
    settings.EMAIL_HOST = "changed"


def test_changes_before_it_ends(pandabase, settings):
    change(settings)


def test_nothing_is_left():
    assert getattr(current, "PANDABASE", {}) == {given}
    assert current.EMAIL_HOST == "localhost"


def test_changes_after_it_ended(settings, pandabase):
    change(settings)


test_nothing_is_left_again = test_nothing_is_left
"""
ABSENT = """
import sys


def test_nothing_is_loaded():
    loaded = [name for name in sys.modules if name.startswith("pandabase_django")]
    assert loaded == ["pandabase_django", "pandabase_django.pytest_plugin"]
"""
NO_DJANGO = (
    ABSENT
    + """
    assert "django" not in sys.modules
"""
)
DJANGO = {"DJANGO_SETTINGS_MODULE": "inner_settings"}
STORE_OF_SEED_1 = Identities(1).make("store", 0)


def test_a_shops_tests_are_guarded(tmp_path: Path) -> None:
    write_project(tmp_path, GUARDED.replace("{store}", STORE_OF_SEED_1))
    outcome = run_pytest(tmp_path, "--nomigrations", **DJANGO)
    assert outcome.names("FAILED") == ["test_asks", "test_hides_it"]
    assert outcome.names("ERROR") == []
    assert len(outcome.names("PASSED")) == 5, outcome.text
    assert outcome.text.count("This test would have asked pandabase.invalid") >= 2


def test_what_a_fixture_hides_is_an_error_once(tmp_path: Path) -> None:
    write_project(tmp_path, HIDDEN)
    outcome = run_pytest(tmp_path, **DJANGO)
    at_ends = ["test_at_its_end", "test_last", "test_openly_at_its_end"]
    assert outcome.names("ERROR") == ["test_at_its_begin", *at_ends]
    assert outcome.names("FAILED") == ["test_in_the_middle"]
    passed = [*at_ends, "test_at_no_end", "test_the_others_have_ended"]
    assert outcome.names("PASSED") == sorted(passed), outcome.text


@pytest.mark.parametrize("given", [None, {}, {"ENCRYPTION_KEYS": [], "READ_ONLY": False}])
def test_settings_are_as_they_were_whichever_ends_first(
    tmp_path: Path, given: dict[str, object] | None
) -> None:
    settings = SETTINGS if given is None else f"{SETTINGS}PANDABASE = {given}\n"
    write_project(tmp_path, CHANGED.replace("{given}", str(given or {})), settings=settings)
    outcome = run_pytest(tmp_path, "--nomigrations", **DJANGO)
    assert len(outcome.names("PASSED")) == 4, outcome.text


def test_a_test_case_takes_the_mixin(tmp_path: Path) -> None:
    write_project(tmp_path, UNITTEST)
    outcome = run_pytest(tmp_path, "--nomigrations", "-rE", **DJANGO)
    assert outcome.text.count("Write `class TestFixtureInATestCase(PandabaseMixin, TestCase)`") >= 2
    assert len(outcome.names("ERROR")) == 2, outcome.text
    assert len(outcome.names("PASSED")) == 6, outcome.text


def test_nothing_happens_where_django_is_not_used(tmp_path: Path) -> None:
    write_project(tmp_path, NO_DJANGO)
    outcome = run_pytest(tmp_path, django=False)
    assert outcome.names("PASSED") == ["test_nothing_is_loaded"], outcome.text


def test_nothing_happens_where_the_app_is_not_installed(tmp_path: Path) -> None:
    settings = SETTINGS.replace(', "pandabase_django"]', "]")
    write_project(tmp_path, ABSENT, settings=settings)
    outcome = run_pytest(tmp_path, **DJANGO)
    assert outcome.names("PASSED") == ["test_nothing_is_loaded"], outcome.text
