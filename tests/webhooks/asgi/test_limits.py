"""What `bounded` reads, what it refuses, and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import override_settings
from django.urls import resolve

from pandabase_django.asgi import bounded
from tests.webhooks.asgi.server import PATH, Inner, Noted, Sender, deliveries, scope_of

KIB = 1024
MORE: dict[str, Any] = {"type": "http.request", "body": b"x", "more_body": True}
GONE: dict[str, Any] = {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def _urls_are_loaded() -> None:
    resolve(PATH)  # the first time takes longer than these tests wait


@pytest.fixture
def noted() -> Noted:
    return Noted()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(work(), 20)

    asyncio.run(whole())


def test_a_delivery_is_handed_over_whole_without_a_content_length() -> None:
    async def work() -> None:
        inner = Inner()
        sender = Sender([{**MORE, "body": b"ab"}, MORE, b"cd"])
        assert await sender.through(bounded(inner)) == 200
        assert inner.bodies == [b"abxcd"]
        empty = Sender([{"type": "http.request"}])  # ASGI lets both of its keys be left out
        assert await empty.through(bounded(inner)) == 200
        assert inner.bodies == [b"abxcd", b""]

    run(work)


def test_the_largest_body_passes_and_a_byte_more_is_413(noted: Noted) -> None:
    async def work() -> None:
        inner = Inner()
        pieces: list[Any] = [{**MORE, "body": b"x" * (64 * KIB)}] * 4
        assert await Sender([*pieces, b""]).through(deliveries(inner, noted)) == 200
        larger = Sender([*pieces, b"y"])
        assert await larger.through(deliveries(inner, noted)) == 413
        assert larger.headers[b"connection"] == b"close"
        assert [len(body) for body in inner.bodies] == [256 * KIB]

    run(work)
    assert noted.found == [("too-large", 256 * KIB)]


@pytest.mark.parametrize("declared", [b"262145", b"9" * 30])
def test_a_body_declared_too_large_is_413_before_a_byte_is_read(
    noted: Noted, declared: bytes
) -> None:
    async def work() -> None:
        sender = Sender([b"x"], headers=[(b"Content-Length", declared)])
        assert await sender.through(deliveries(Inner(), noted)) == 413
        assert sender.asked == 0

    run(work)
    assert noted.found == [("too-large", 0)]


def test_a_slow_sender_is_408_and_django_never_hears_of_it(noted: Noted) -> None:
    async def work() -> None:
        inner = Inner()
        sender = Sender([MORE, MORE])
        assert await sender.through(deliveries(inner, noted, seconds=0.05)) == 408
        assert sender.headers[b"connection"] == b"close"
        assert inner.seen == []

    run(work)
    assert noted.found == [("incomplete", 2)]


def test_who_has_hung_up_is_not_answered() -> None:
    async def work() -> None:
        inner = Inner()
        sender = Sender([MORE, GONE])
        assert await sender.through(bounded(inner)) == 0
        assert inner.seen == []

    run(work)


def test_who_hangs_up_after_the_body_does_not_stop_the_work() -> None:
    async def work() -> None:
        inner = Inner()
        inner.open.clear()
        sender = Sender([b"x", GONE])
        task = asyncio.ensure_future(sender.through(bounded(inner)))
        await asyncio.sleep(0.05)
        ((_, receive, _),) = inner.seen
        assert await receive() == {"type": "http.request", "body": b"x", "more_body": False}
        with pytest.raises(asyncio.TimeoutError):  # what Django waits for while the view runs
            await asyncio.wait_for(receive(), 0.05)
        task.cancel()

    run(work)


def test_an_http_2_answer_has_no_connection_header(noted: Noted) -> None:
    async def work() -> None:
        sender = Sender([], http_version="2", headers=[(b"content-length", b"262145")])
        assert await sender.through(deliveries(Inner(), noted)) == 413
        assert b"connection" not in sender.headers

    run(work)


def test_a_few_are_inside_at_once_others_wait_and_the_rest_is_503() -> None:
    async def work() -> None:
        inner = Inner()
        inner.open.clear()
        within = deliveries(inner, inside=3, waiting=4)
        senders = [Sender([b"%d" % n]) for n in range(10)]
        tasks = [asyncio.ensure_future(sender.through(within)) for sender in senders]
        await asyncio.sleep(0.05)
        assert inner.inside == 3
        assert [sender.status for sender in senders] == [0] * 7 + [503] * 3
        assert senders[-1].headers[b"retry-after"] == b"30"
        inner.open.set()
        assert await asyncio.gather(*tasks) == [200] * 7 + [503] * 3
        assert inner.bodies == [b"%d" % n for n in range(7)]
        assert inner.most_inside == 3
        assert await Sender([b""]).through(within) == 200

    run(work)


def test_a_delivery_that_waits_longer_than_its_sender_does_is_503() -> None:
    async def work() -> None:
        inner = Inner()
        inner.open.clear()
        within = deliveries(inner, inside=1, seconds=0.05)
        first = asyncio.ensure_future(Sender([b""]).through(within))
        await asyncio.sleep(0.02)
        assert await Sender([b""]).through(within) == 503
        inner.open.set()
        assert await first == 200
        assert await Sender([b""]).through(within) == 200

    run(work)


def test_what_all_hold_is_bounded_and_slow_senders_hold_what_they_sent() -> None:
    async def work() -> None:
        inner = Inner()
        within = deliveries(inner, held_bytes=100)
        slow = [asyncio.ensure_future(Sender([MORE]).through(within)) for _ in range(90)]
        await asyncio.sleep(0.05)
        assert await Sender([b"x" * 11]).through(within) == 503
        assert await Sender([b"x" * 10]).through(within) == 200
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert await Sender([b"x" * 100]).through(within) == 200

    run(work)


def test_an_error_of_django_gives_the_place_back() -> None:
    async def work() -> None:
        class Broken(Inner):
            async def __call__(self, *arguments: Any) -> None:
                raise RuntimeError("on purpose")

        within = deliveries(Broken(), inside=1, held_bytes=1)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="on purpose"):
                await Sender([b"x"]).through(within)

    run(work)


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "lifespan"},
        {"type": "websocket", "path": PATH},
        scope_of(method="GET"),
        scope_of(method="PUT"),
        scope_of("/pandabase/health/live"),
        scope_of("/pandabase/checkout/0000/"),
        scope_of("/pandabase/webhooks/"),
        scope_of(PATH + "/more"),
        scope_of("/nowhere"),
        scope_of(""),
        scope_of("/shop" + PATH),
    ],
)
def test_everything_else_passes_untouched(scope: dict[str, Any]) -> None:
    async def work() -> None:
        inner, sender = Inner(), Sender([MORE])
        before = dict(scope)
        await bounded(inner)(scope, sender.receive, sender.send)
        ((passed, receive, send),) = inner.seen
        assert passed is scope
        assert scope == before
        assert (receive, send) == (sender.receive, sender.send)

    run(work)


@pytest.mark.parametrize(
    "scope",
    [
        scope_of(),
        scope_of(PATH + "/"),
        scope_of("/pandabase/webhooks/é \x00"),
        scope_of("/pandabase/webhooks/" + "a" * 5000),
        scope_of("/pandabase/webhooks/.."),
        scope_of(query_string=b"\xff"),
        scope_of("/shop" + PATH, root_path="/shop"),
        scope_of(PATH, root_path="/elsewhere"),  # some servers leave the prefix out of the path
        scope_of(method="post"),
    ],
)
def test_a_delivery_is_known_by_its_address_alone(scope: dict[str, Any]) -> None:
    async def work() -> None:
        inner, sender = Inner(), Sender([MORE, GONE])
        await bounded(inner)(scope, sender.receive, sender.send)
        assert sender.asked == 2
        assert inner.seen == []

    run(work)


@override_settings(ROOT_URLCONF="tests.webhooks.asgi.urls", USE_I18N=True, LANGUAGE_CODE="en")
@pytest.mark.parametrize("path", ["/en/odd/{}", "/de/odd/{}", "/é%20b/{}/"])
def test_the_shop_may_mount_the_urls_anywhere(path: str) -> None:
    async def work() -> None:
        inner, sender = Inner(), Sender([MORE, GONE])
        scope = scope_of(path.format(PATH.removeprefix("/pandabase/")))
        await bounded(inner)(scope, sender.receive, sender.send)
        assert inner.seen == []

    run(work)


@override_settings(FORCE_SCRIPT_NAME="/forced")
def test_a_forced_prefix_is_left_out() -> None:
    async def work() -> None:
        inner, sender = Inner(), Sender([MORE, GONE])
        await bounded(inner)(scope_of("/forced" + PATH), sender.receive, sender.send)
        assert inner.seen == []

    run(work)


def test_whoever_is_cancelled_gives_the_place_back() -> None:
    async def work() -> None:
        inner = Inner()
        inner.open.clear()
        within = deliveries(inner, inside=1, waiting=2)
        tasks = [asyncio.ensure_future(Sender([b""]).through(within)) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()  # the second has its place, and is cancelled before it takes it
        await asyncio.sleep(0)
        tasks[1].cancel()
        inner.open.set()
        assert await tasks[2] == 200
        assert await Sender([b""]).through(within) == 200

    run(work)
