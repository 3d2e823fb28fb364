"""Probes: what they answer, that they end in time, and that they tell strangers nothing."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from pandabase_django.models import Store
from pandabase_django.services.health import readiness
from pandabase_django.services.health.readiness import ANSWER_WITHIN_SECONDS, Probe
from tests.required import skip

LIVE, READY = "/pandabase/health/live", "/pandabase/health/ready"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/health.md"
DOWN = {"default": {"BACKEND": "tests.health.test_cache_down.DownCache"}}


class HangingCache(LocMemCache):
    """As Redis behind a firewall that drops packets."""

    released = threading.Event()

    def get(self, *_: Any, **__: Any) -> Any:
        self.released.wait(30)


class SilentDatabase:
    """Sends the app's tables to a server that accepts connections and says nothing."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "silent"

    db_for_write = db_for_read


@pytest.fixture(autouse=True)
def _nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for probe in (readiness._DATABASE, readiness._CACHE):
        monkeypatch.setattr(probe, "_last", None)


@pytest.fixture
def silent(django_db_setup: None, django_db_blocker: Any) -> Iterator[socket.socket]:
    """Without the mark ``django_db``, whose guard knows no database of a test's own."""
    if find_spec("psycopg") is None:
        skip("postgres", reason="no driver of PostgreSQL is installed")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        connections.databases["silent"] = {
            **connections.databases["default"],
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": server.getsockname()[1],
            "NAME": "silent",
            "OPTIONS": {},
        }
        router = f"{__name__}.SilentDatabase"
        with override_settings(DATABASE_ROUTERS=[router]), django_db_blocker.unblock():
            yield server
    del connections.databases["silent"]


def test_a_process_lives_whatever_does_not(settings: Any, client: Client) -> None:
    """Without the mark ``django_db`` a query would be an error."""
    settings.CACHES = DOWN
    answer = client.get(LIVE)
    assert (answer.status_code, answer.json()) == (200, {"live": True})


@pytest.mark.django_db
def test_a_process_is_ready_when_its_database_answers(client: Client) -> None:
    answer = client.get(READY)
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "cache": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIVE, READY])
@pytest.mark.parametrize("slash", ["", "/"])
def test_probes_pass_a_login_and_are_kept_by_no_cache(path: str, slash: str) -> None:
    middlewares = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *configured.MIDDLEWARE,
        LOGIN_REQUIRED,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    with override_settings(MIDDLEWARE=middlewares):
        for _ in range(2):
            answer = Client().get(path + slash)
            assert answer.status_code == 200
            assert "no-store" in answer["Cache-Control"]
            assert not answer.has_header("Set-Cookie")
            assert not answer.has_header("Age")
    assert Client().head(path + slash).status_code == 200
    assert Client().post(path + slash).status_code == 405


@pytest.mark.django_db
def test_readiness_costs_one_query_and_opens_no_transaction(
    monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    Store.objects.create(pk="shp_secretive", title="Secretive")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(READY)
    # PostgreSQL is asked over a connection of its own.
    assert len(asked) == (1 if connection.vendor == "sqlite" else 0)
    assert b"ecretive" not in answer.content


def test_a_database_that_fails_is_503_without_a_word_more(
    client: Client, silent: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    silent.close()
    answer = client.get(READY)
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "fails", "cache": "ok"}
    assert caplog.messages == ["Not ready: the database fails (OperationalError)."]


def test_a_database_that_hangs_is_503_in_time(client: Client, silent: socket.socket) -> None:
    began = time.monotonic()
    assert client.get(READY).status_code == 503
    assert ANSWER_WITHIN_SECONDS <= time.monotonic() - began < ANSWER_WITHIN_SECONDS + 2
    began = time.monotonic()
    assert client.get(READY).status_code == 503
    assert time.monotonic() - began < 1  # who comes second waits for nothing
    assert client.get(LIVE).status_code == 200
    assert len([t for t in threading.enumerate() if t.name == "pandabase-database"]) == 1
    silent.close()
    for thread in threading.enumerate():
        if thread.name == "pandabase-database":
            thread.join(10)
    with override_settings(DATABASE_ROUTERS=[]):
        assert client.get(READY).status_code == 200


@pytest.mark.django_db
def test_a_shop_without_its_cache_is_ready_and_says_so(settings: Any, client: Client) -> None:
    settings.CACHES = DOWN
    answer = client.get(READY)
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "cache": "fails"}
    assert client.get(READY, {"need": "cache"}).status_code == 503


@pytest.mark.django_db
def test_a_cache_that_hangs_is_waited_for_a_moment(settings: Any, client: Client) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.HangingCache"}}
    began = time.monotonic()
    try:
        assert client.get(READY).json()["cache"] == "fails"
        assert time.monotonic() - began < ANSWER_WITHIN_SECONDS + 2
    finally:
        HangingCache.released.set()


def test_many_who_ask_at_once_share_one_question() -> None:
    release, asked = threading.Event(), []

    def ask() -> None:
        asked.append(1)
        release.wait(30)

    probe = Probe("test", ask)
    until = time.monotonic() + ANSWER_WITHIN_SECONDS
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(probe.answers(until=until))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert len(asked) == 1
    release.set()
    for thread in threads:
        thread.join(10)
    assert found == [True] * 20


def test_an_answer_holds_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    probe = Probe("test", lambda: asked.append(1))
    for _ in range(20):
        assert probe.answers(until=time.monotonic() + 5)
    assert len(asked) == 1
    monkeypatch.setattr(readiness, "HOLDS_FOR_SECONDS", 0.0)
    assert probe.answers(until=time.monotonic() + 5)
    assert len(asked) == 2


def test_threads_that_hang_for_ever_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LEFT_ALONE_AFTER_SECONDS", 0.0)
    release, asked = threading.Event(), []

    def ask() -> None:
        asked.append(1)
        release.wait(30)

    probe = Probe("test", ask)
    try:
        for _ in range(20):
            assert probe.answers(until=time.monotonic()) is False
        assert len(asked) == readiness.MOST_THREADS
        # The database may have come back for new connections alone: one is made now and then.
        monkeypatch.setattr(readiness, "SELDOM_SECONDS", 0.0)
        assert probe.answers(until=time.monotonic()) is False
        assert len(asked) == readiness.MOST_THREADS + 1
    finally:
        release.set()
    deadline = time.monotonic() + 10
    while not probe.answers(until=time.monotonic() + 1) and time.monotonic() < deadline:
        pass
    assert probe.answers(until=time.monotonic() + 1)


@pytest.mark.django_db
def test_probes_as_the_page_shows_them_pass_hosts_and_https(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["shop.example"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    text = PAGE.read_text(encoding="utf-8")
    probes = re.findall(r"path: (\S+)\n.*?\n.*?\n((?: +- {name.*\n)+)", text)
    assert [path for path, _ in probes] == [LIVE, READY]
    for path, lines in probes:
        headers = dict(re.findall(r"{name: (\S+), value: (\S+)}", lines))
        assert Client(headers=headers).get(path).status_code == 200
        host = {"Host": headers["Host"]}
        assert Client(headers=host).get(path).status_code == 301
        assert Client(headers={**headers, "Host": "10.0.0.7"}).get(path).status_code == 400
    command = re.search(r"ExecStartPost=(.*?)\n\w", text, re.S)
    assert command is not None
    shown = dict(re.findall(r'--header "(.*?): (.*?)"', command[1]))
    address = re.search(r"http://127\.0\.0\.1:8000(\S+)", command[1])
    assert address is not None
    assert Client(headers=shown).get(address[1]).status_code == 200
