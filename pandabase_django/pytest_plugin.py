"""The pytest plugin, which every pytest loads where this package is installed.

So it imports nothing of the app before a test asks for it, and does nothing in a project whose
INSTALLED_APPS lack the app.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pandabase_django.testing import Pandabase
    from pandabase_django.testing.guard import Refused

__all__ = [
    "pandabase",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
]

MARKERS = (
    "pandabase(**options): options of the fixture `pandabase`, see pandabase_django.testing",
    "pandabase_network: requests of pandabase_django may leave this machine",
)
NO_FIXTURE = (
    "{0} is a TestCase of Django: the fixture `pandabase` would begin outside its transactions, "
    "and the next test would see what it made. Write `class {0}(PandabaseMixin, TestCase)`, with "
    "the mixin of pandabase_django.testing, and take `self.pandabase`."
)

_refused: pytest.StashKey[Refused] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """No test asks the real Pandabase, unless it is marked."""
    with _guarded(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test fails also where a fixture of it caught the guard's error."""
    return (yield from _checked(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test fails also where its code caught the guard's error."""
    return (yield from _checked(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test fails also where the end of a fixture caught the guard's error."""
    return (yield from _checked(item))


@pytest.fixture
def pandabase(request: pytest.FixtureRequest, db: None) -> Iterator[Pandabase]:
    """A store at a Pandabase of this test's own. ``@pytest.mark.pandabase(…)`` gives options."""
    from django.test import TestCase

    from pandabase_django.testing import Pandabase

    if request.cls is not None and issubclass(request.cls, TestCase):
        pytest.fail(NO_FIXTURE.format(request.cls.__name__), pytrace=False)
    # Tests may share a cache: what is kept of one test's ids must not answer another one.
    options: dict[str, Any] = {"seed": zlib.crc32(request.node.nodeid.encode())}
    for marker in reversed(list(request.node.iter_markers("pandabase"))):
        options.update(marker.kwargs)
    with Pandabase(**options) as running:
        yield running


def _checked(item: pytest.Item) -> Generator[None, Any, Any]:
    refused = item.stash.get(_refused, None)
    if refused is None:
        return (yield)
    try:
        result = yield
        refused.check()
    finally:
        refused.hosts.clear()  # each is reported once, where it was asked
    return result


@contextmanager
def _guarded(item: pytest.Item) -> Iterator[None]:
    django = sys.modules.get("django.apps")
    is_here = django and django.apps.ready and django.apps.is_installed("pandabase_django")
    if not is_here or item.get_closest_marker("pandabase_network"):
        yield
        return
    from pandabase_django.testing.guard import NetworkRefused, refusing_network

    # After any other BaseException at the end of a fixture, pytest does not end the rest of them.
    kinds = (NetworkRefused, pytest.fail.Exception)
    with refusing_network() as refused:
        refused.error = type("NetworkRefused", kinds, {"__module__": NetworkRefused.__module__})
        item.stash[_refused] = refused
        yield
