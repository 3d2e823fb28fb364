"""The task that looks after open rotations while the remote says nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, RotationAttempt
from pandabase_django.services.rotation import RotationContext, watch_rotations
from pandabase_django.services.rotation.context import Answer, StoreWire, Validity
from pandabase_django.services.tokens.connection import add_token
from tests.rotation.conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True)


class Silent(StoreWire):
    """Says nothing for twenty seconds each time."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[str] = []
        self.clock = clock
        self.meanwhile: Callable[[], object] = lambda: None

    def try_secret(self, token: ApiToken, *, secret: Secret) -> Answer:
        self.asked.append(token.token_id)
        self.clock.pass_by(seconds=20)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return Answer(Validity.UNCLEAR, "Nothing came.")


def watched(name: str, clock: Clock, *, base_url: str = "https://silent.example") -> ApiToken:
    token = add_token(
        store_id=name.replace("stk", "shp"),
        mode="HMAC",
        secret=Secret(f"sk_{name}_00000000000001"),
        token_id=name,
        base_url=base_url,
        test=False,
    )
    RotationAttempt.objects.create(
        token=token,
        signer=token,
        state="WATCHING",
        trigger="POLICY",
        reason="It is due.",
        from_version=token.secret_version,
        prepared_at=clock() - timedelta(minutes=20),
        sent_at=clock() - timedelta(minutes=20),
        watch_until=clock() + timedelta(minutes=40),
    )
    return token


@pytest.fixture
def wire(clock: Clock) -> Silent:
    return Silent(clock)


@pytest.fixture
def context(clock: Clock, wire: Silent) -> RotationContext:
    return RotationContext(wire=wire, clock=clock, sleep=clock.sleep)


def test_what_one_look_had_no_time_for_comes_first_in_the_next(
    clock: Clock, wire: Silent, context: RotationContext
) -> None:
    names = {watched(f"stk_w{n}", clock).token_id for n in range(5)}
    assert watch_rotations(context=context).looked_at == 3
    assert watch_rotations(context=context).looked_at == 3
    assert set(wire.asked[:5]) == names
    assert wire.asked[5] == wire.asked[0]


def test_two_tasks_do_not_look_at_the_same(
    clock: Clock, wire: Silent, context: RotationContext
) -> None:
    names = {watched(f"stk_w{n}", clock).token_id for n in range(4)}
    wire.meanwhile = lambda: watch_rotations(context=context)
    seen = watch_rotations(context=context)
    assert seen.looked_at == 1
    assert len(wire.asked) == 4
    assert set(wire.asked) == names


def test_a_remote_that_says_nothing_is_asked_once_in_a_look(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[str] = []

        def hang_up() -> None:
            while True:
                try:
                    asked, address = listener.accept()
                except OSError:
                    return
                connections.append(address)
                asked.close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        watched("stk_w0", clock, base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert watch_rotations().looked_at == 1
        listener.shutdown(socket.SHUT_RDWR)
        hanging_up.join()
    assert len(connections) == 1
