"""Real workers on PostgreSQL and Redis: killed at every state, cut off from the database, and
busy while secrets are rotated under them."""

from __future__ import annotations

import base64
import json
import os
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis

from pandabase_django.sandbox import Sandbox, Token
from tests.rotation.cluster import own_cluster
from tests.rotation.conftest import ROLL
from tests.worker.shop import Shop, redis_url, wait_for_fault
from tests.worker.tables import fresh_database

pytestmark = [pytest.mark.worker, pytest.mark.postgres, pytest.mark.redis]

SEEDS = range(int(os.environ.get("PANDABASE_ROTATION_SEEDS", "1")))
PATIENCE_SECONDS = 180
HELD_UP_SECONDS = 6
LOOK = {"method": "GET", "path_regex": "stores/shp_[^/]*$"}

ADD = """
from pandabase_django.crypto.secret import Secret
from pandabase_django.services.tokens.connection import add_token
print(json.dumps(str(add_token(store_id={store!r}, mode="HMAC", secret=Secret({secret!r}),
    token_id={token_id!r}, base_url={url!r}).pk)))
"""
REQUEST = """
import tests.worker.app
from pandabase_django.models import ApiToken
from pandabase_django.services.rotation import request_rotation
from pandabase_django.tasks import rotate_secret
attempt = request_rotation(ApiToken.objects.get(pk={pk!r}), reason="yearly", trigger="ADMIN")
for _ in range({times}):
    rotate_secret.delay(str(attempt.pk))
print(json.dumps(str(attempt.pk)))
"""
AGAIN = """
import tests.worker.app
from pandabase_django.tasks import rotate_secret
rotate_secret.delay({attempt_id!r})
"""
INSTALL = """
import io
from django.core.management import call_command
call_command("pandabase_install_secret", "--token", {pk!r}, "--no-input", stdout=io.StringIO())
"""
WATCH = """
import tests.worker.app
from pandabase_django.tasks import watch_rotations
watch_rotations.delay()
"""


class Rotating(Shop):
    """A shop on PostgreSQL, with a way to look into its database from here."""

    def __init__(self, database_url: str, sandbox: Sandbox, **extra: str) -> None:
        super().__init__(database_url, **extra)
        self.sandbox = sandbox
        self.make_tables()

    def add(self, token: Token) -> str:
        return str(
            self.run(
                ADD.format(
                    store=self.sandbox.store_id,
                    secret=token.secret,
                    token_id=token.token_id,
                    url=self.sandbox.url,
                )
            )
        )

    def rotate(self, pk: str, *, times: int = 1) -> str:
        return str(self.run(REQUEST.format(pk=pk, times=times)))

    def query(self, sql: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            found = connection.execute(sql, parameters)  # type: ignore[arg-type]
            return found.fetchall() if found.description else []

    def state(self, attempt_id: str) -> str:
        ((state,),) = self.query(
            "SELECT state FROM pandabase_rotationattempt WHERE id = %s", attempt_id
        )
        return str(state)

    def wait_for_state(self, attempt_id: str, *states: str) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (state := self.state(attempt_id)) not in states:
            assert time.monotonic() < deadline, f"{state}, not {states}"
            time.sleep(0.05)
        return state

    def in_use(self, pk: str, token: Token) -> bool:
        stored = self.run(
            "from pandabase_django.models import ApiToken\n"
            f"print(json.dumps(ApiToken.objects.get(pk={pk!r}).secret.reveal()))"
        )
        return bool(stored == self.sandbox.secret_of(token.token_id))

    def rolls(self) -> int:
        return sum(entry["path"].endswith("/roll-secret") for entry in self.sandbox.requests())


@contextmanager
def shop_on(database_url: str, tmp_path: Path, sandbox: Sandbox) -> Iterator[Rotating]:
    url = redis_url()
    if url is None:
        pytest.skip("no Redis; CI starts one")
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    shop = Rotating(
        database_url,
        sandbox,
        DJANGO_SETTINGS_MODULE="tests.rotation.worker_settings",
        CELERY_BROKER_URL=url,
        CELERY_TASK_DEFAULT_QUEUE=f"test-{uuid.uuid4().hex}",
        ROTATION_SPOOL=str(spool),
        SHOP_NOTES=str(tmp_path / "notes"),
    )
    (tmp_path / "notes").touch()
    yield shop
    shop.close()


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 8, "products": 30, "orders": 120}


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox) -> Iterator[Rotating]:
    with fresh_database() as url, shop_on(url, tmp_path, sandbox) as running:
        yield running


SLOW = {"action": "delay", "args": {"seconds": HELD_UP_SECONDS}}

# Where the worker is killed: the rules that hold it there, and what the rotation ends as.
KILLS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "PREPARED": ([{"match": LOOK, **SLOW}], "DONE"),
    "SENT, not executed": (
        [{"match": ROLL, **SLOW}, {"match": ROLL, "action": "status", "args": {"status": 500}}],
        "WATCHING",
    ),
    "SENT, executed": ([{"match": ROLL, **SLOW}], "LOST"),
    "JOURNALED": ([{"match": LOOK, "nth": 2, **SLOW}], "DONE"),
    # A lock holds this one up; the rule, until the lock is taken.
    "VERIFIED": ([{"match": LOOK, "nth": 2, **SLOW}], "DONE"),
    "DONE": ([{"match": LOOK, "nth": 3, **SLOW}], "DONE"),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_killed_at_any_state_sends_once_and_loses_only_what_never_arrived(
    shop: Rotating, sandbox: Sandbox, seed: int
) -> None:
    token = sandbox.hmac_token
    pk = shop.add(token)
    places = list(KILLS)
    random.Random(seed).shuffle(places)
    for place in places:
        rules, end = KILLS[place]
        number = sandbox.fault(rules)[0]
        worker = shop.start_worker()
        attempt_id = shop.rotate(pk)
        wait_for_fault(shop.sandbox, number)
        with psycopg.connect(shop.environment["DATABASE_URL"]) as lock:
            if place == "VERIFIED":
                # The swap waits for this row. So does the sending, which is over by now.
                lock.execute(
                    "SELECT 1 FROM pandabase_apitoken WHERE id = %s FOR NO KEY UPDATE", (pk,)
                )
            shop.wait_for_state(attempt_id, place.split(",")[0])
            shop.kill(worker)
        sandbox.clear_faults()
        if place.startswith("SENT"):
            # The sender may have lived for half a minute; the test does not wait so long.
            shop.query("UPDATE pandabase_rotationattempt SET sent_at = sent_at - interval '1 h'")
        shop.run(AGAIN.format(attempt_id=attempt_id))
        worker = shop.start_worker()
        shop.wait_for_state(attempt_id, end)
        if end == "WATCHING":
            shop.query("UPDATE pandabase_rotationattempt SET watch_until = now()")
            shop.run(WATCH)
            shop.wait_for_state(attempt_id, "FAILED_SAFE")
        if end == "LOST":
            secret = sandbox.secret_of(token.token_id)
            shop.run(INSTALL.format(pk=pk), PANDABASE_TOKEN_SECRET=secret)
        shop.kill(worker)
        assert shop.in_use(pk, token), place
    # Each ended in a way that takes a request, so one sent twice would show in the sum. The
    # sandbox notes a request when it is done with it, which the rules hold up as well.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while shop.rolls() < len(places):
        assert time.monotonic() < deadline, f"{shop.rolls()} of {len(places)} were sent"
        time.sleep(0.05)
    time.sleep(0.5)
    assert shop.rolls() == len(places)
    open_rows = shop.query("SELECT count(*) FROM pandabase_rotationattempt WHERE closed_at IS NULL")
    assert open_rows == [(0,)]


def test_a_rotation_delivered_three_times_to_four_workers_sends_one_request(
    shop: Rotating, sandbox: Sandbox
) -> None:
    token = sandbox.hmac_token
    pk = shop.add(token)
    sandbox.fault([{"match": ROLL, "action": "delay", "args": {"seconds": 1}}])
    attempt_id = shop.rotate(pk, times=3)
    # What the broker holds is the rotation's primary key, and nothing that opens anything.
    with Redis.from_url(shop.environment["CELERY_BROKER_URL"]) as broker:
        held = broker.lrange(shop.environment["CELERY_TASK_DEFAULT_QUEUE"], 0, -1)
    assert len(held) == 3
    for message in held:
        text = base64.b64decode(json.loads(message)["body"]).decode() + message.decode()
        assert attempt_id in text
        assert token.secret not in text
        assert token.empty_signature.decode() not in text
    shop.start_worker(concurrency=4)
    shop.wait_for_state(attempt_id, "DONE")
    time.sleep(1)
    assert shop.rolls() == 1
    assert shop.in_use(pk, token)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_database_stopped_after_the_request_loses_no_answer(
    tmp_path: Path, sandbox: Sandbox, seed: int
) -> None:
    token = sandbox.hmac_token
    with own_cluster() as cluster, shop_on(cluster.url, tmp_path, sandbox) as shop:
        pk = shop.add(token)
        worker = shop.start_worker()
        for killed in (False, True):
            sandbox.fault([{"match": ROLL, "action": "delay", "args": {"seconds": 6}}])
            before = shop.rolls()
            attempt_id = shop.rotate(pk)
            shop.wait_for_state(attempt_id, "SENT")
            cluster.stop()
            file = tmp_path / "spool" / f"{attempt_id}.reply"
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not file.exists():
                assert time.monotonic() < deadline, "nothing came into the spool"
                time.sleep(0.05)
            if killed:
                shop.kill(worker)
            cluster.start()
            if killed:
                worker = shop.start_worker()
            shop.wait_for_state(attempt_id, "DONE")
            assert not file.exists()
            assert shop.rolls() - before == 1
            assert shop.in_use(pk, token)


ROTATE = """
import sys, time, tests.worker.app
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.rotation import *
from pandabase_django.tasks import sync_store
store = Store.objects.get()
seconds = []
for number in range({times}):
    sync_store.delay(store.pk)
    started = time.monotonic()
    if {pair}:
        attempt = request_pair_rotation(store, reason="test", trigger="ADMIN")
    else:
        token = ApiToken.objects.get(role="ACTIVE")
        attempt = request_rotation(token, reason="test", trigger="ADMIN")
    attempt = run_rotation(attempt.pk)
    assert attempt.state == "DONE", (attempt.state, attempt.outcome)
    assert "roles stay" not in attempt.outcome, attempt.outcome
    seconds.append(round(time.monotonic() - started, 3))
    time.sleep(0.5)
print(json.dumps(seconds))
"""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ["pair", "single"])
def test_eight_workers_go_on_through_ten_rotations_without_a_failed_task(
    shop: Rotating, sandbox: Sandbox, tmp_path: Path, mode: str, seed: int, capsys: Any
) -> None:
    sandbox.set(latency_ms=5)
    tokens = [sandbox.hmac_token]
    if mode == "pair":
        tokens.append(sandbox.add_token())
    pks = [shop.add(token) for token in tokens]
    worker = shop.start_worker(concurrency=8)
    shop.run(
        "import tests.worker.app\n"
        "from tests.rotation.shop_tasks import read\n"
        f"for _ in range(60): read.delay({sandbox.store_id!r}, 40)"
    )
    notes = tmp_path / "notes"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "succeeded" not in notes.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    seconds = shop.run(ROTATE.format(times=10, pair=mode == "pair"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while notes.read_text().count("succeeded shop.read") < 60:
        assert time.monotonic() < deadline, Counter(notes.read_text().splitlines())
        time.sleep(0.1)
    shop.kill(worker)
    told = notes.read_text()
    reads = [entry for entry in sandbox.requests() if "search=" in entry["query"]]
    refused = sum(entry["status"] == 401 for entry in reads)
    sent = Counter(entry["query"] for entry in reads)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{mode}: rotations took {seconds} s; {refused} of {len(reads)} reads met a 401; "
            f"{told.count('retried')} tasks were put back\n"
        )
    assert "failed " not in told, told
    assert shop.rolls() == 10
    assert len(sent) >= 60 * 40
    assert max(sent.values()) <= 2, "a request was sent more than once again"
    if mode == "pair":
        assert told.count("retried") == 0, told
    for pk, token in zip(pks, tokens, strict=True):
        assert shop.in_use(pk, token)
