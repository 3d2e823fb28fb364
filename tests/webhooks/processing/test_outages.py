"""What the address answers when the broker or the database is gone, and when all come at once."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from pandabase_django.events import Event, on_event
from pandabase_django.models import HandledEvent, Store, WebhookDelivery
from pandabase_django.services.webhooks.process import process_delivery
from tests.ports import free_port
from tests.webhooks.sender import payload_of, sign_v2
from tests.worker.servers import OwnPostgres

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60.0


class Shop:
    """A process to which one says a word and hears one back."""

    def __init__(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.webhooks.shop"],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.webhooks.shop_settings",
                "PYTHONWARNINGS": "ignore",
                **environment,
            },
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.hear() == "ready"

    def say(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
        assert ready, "the shop hangs"
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def shop(**environment: str) -> Iterator[Shop]:
    with closing(Shop(**environment)) as running:
        yield running


@pytest.mark.thorough
def test_a_broker_that_refuses_is_200_and_the_sweeper_takes_it(tmp_path: Path) -> None:
    with shop(
        DATABASE_URL=f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        CELERY_BROKER_URL=f"redis://127.0.0.1:{free_port()}/0",
    ) as running:
        assert [running.say(word) for word in ("new", "new", "same", "same")] == ["200"] * 4
        assert json.loads(running.say("rows")) == [3, 0]


@pytest.mark.thorough
def test_a_broker_that_hangs_is_200_and_holds_one_delivery_alone(tmp_path: Path) -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)  # connects, and never answers
        port = silent.getsockname()[1]
        with shop(
            DATABASE_URL=f"sqlite:///{tmp_path / 'shop.sqlite3'}",
            CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0",
        ) as running:
            assert running.say("new") == "200"
            silent.settimeout(0.0)
            with suppress(BlockingIOError):
                while True:
                    silent.accept()[0].close()
            assert [running.say("new") for _ in range(5)] == ["200"] * 5
            with pytest.raises(BlockingIOError):
                silent.accept()  # nobody has asked it again
            assert json.loads(running.say("rows")) == [6, 0]


@pytest.fixture
def cluster() -> Iterator[OwnPostgres]:
    with closing(OwnPostgres()) as running:
        yield running


@pytest.mark.fact(34)
@pytest.mark.thorough
def test_a_database_that_is_down_is_503_and_what_comes_again_is_taken(cluster: OwnPostgres) -> None:
    broker = f"redis://127.0.0.1:{free_port()}/0"
    with shop(DATABASE_URL=cluster.url, CELERY_BROKER_URL=broker) as running:
        assert running.say("same") == "200"
        cluster.stop()
        assert [running.say(word) for word in ("same", "new", "forged")] == ["503"] * 3
        cluster.start()
        assert [running.say(word) for word in ("same", "new", "forged")] == ["200", "200", "401"]
        assert json.loads(running.say("rows"))[0] == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_hundred_identical_ones_at_once_are_one_row_and_one_effect(
    url: str, store: Store
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    effects: list[str] = []

    @on_event("SUBSCRIPTION_RENEWED")
    def effect(event: Event) -> None:
        effects.append(event.id)

    threads, each = 20, 5
    barrier = threading.Barrier(threads)
    delivery = sign_v2(payload_of("SUBSCRIPTION_RENEWED", order_id=""))

    def knock(_: int) -> list[int]:
        client = Client()
        try:
            barrier.wait(PATIENCE_SECONDS)
            return [delivery.post(url, client).status_code for _ in range(each)]
        finally:
            connection.close()

    def work(pk: int) -> int:
        try:
            barrier.wait(PATIENCE_SECONDS)
            return process_delivery(pk).finished
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        statuses = [status for found in pool.map(knock, range(threads)) for status in found]
        row = WebhookDelivery.objects.get()
        done = list(pool.map(work, [row.pk] * threads))
    assert statuses == [200] * threads * each
    assert (row.conflicts, sum(done), effects) == (0, 1, ["evt_1"])
    assert HandledEvent.objects.count() == 1
