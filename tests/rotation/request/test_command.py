"""The command as a process of its own: what Ctrl-C stops, and what it does not."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pandabase_django.sandbox import Sandbox
from tests.rotation.conftest import ROLL
from tests.worker.shop import PATIENCE_SECONDS, Shop, wait_for_fault

pytestmark = [pytest.mark.worker, pytest.mark.thorough]


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox) -> Iterator[Shop]:
    running = Shop(f"sqlite:///{tmp_path / 'shop.sqlite3'}")
    running.open(sandbox)
    yield running
    running.close()


def stored(shop: Shop) -> list[object]:
    found = shop.run(
        "from pandabase_django.models import ApiToken, RotationAttempt\n"
        "print(json.dumps([str(ApiToken.objects.get().pk), ApiToken.objects.get().secret.reveal(),"
        " [str(a.state) for a in RotationAttempt.objects.all()],"
        " [a.outcome for a in RotationAttempt.objects.all()]]))"
    )
    assert isinstance(found, list)
    return found


def test_ctrl_c_does_not_lose_an_answer_that_is_under_way(shop: Shop, sandbox: Sandbox) -> None:
    pk = str(stored(shop)[0])
    sandbox.fault([{"match": ROLL, "action": "delay", "args": {"seconds": 3}}])
    before = sandbox.secret_of(sandbox.hmac_token.token_id)
    process = shop.start("pandabase_rotate_secret", "--token", pk, "--reason", "x", "--no-input")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sandbox.secret_of(sandbox.hmac_token.token_id) == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
        time.sleep(0.2)
    code, told = shop.finish(process)
    assert code == 0, told
    assert told.count("Wait for it.") == 2
    assert stored(shop)[1:3] == [sandbox.secret_of(sandbox.hmac_token.token_id), ["DONE"]]


def test_ctrl_c_before_anything_is_sent_ends_the_rotation(shop: Shop, sandbox: Sandbox) -> None:
    pk = str(stored(shop)[0])
    look = {"method": "GET", "path_regex": "stores/shp_[^/]*$"}
    (number,) = sandbox.fault([{"match": look, "action": "delay", "args": {"seconds": 5}}])
    process = shop.start("pandabase_rotate_secret", "--token", pk, "--reason", "x", "--no-input")
    wait_for_fault(sandbox, number)
    process.send_signal(signal.SIGINT)
    code, told = shop.finish(process)
    assert code != 0, told
    assert stored(shop)[2:] == [["FAILED_SAFE"], ["Interrupted. Nothing was sent."]]
    assert not any(entry["path"].endswith("roll-secret") for entry in sandbox.requests())
