"""A day of a shop: the same in every cell, from the first migrate to the last SIGTERM."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from deployment import API_NAME, Shop
from processes import Failed, until

from demo_project.buying import Browser, buy
from demo_project.site import BUYER, OWNER

__all__ = ["STEPS", "a_day"]

TRAFFIC_SECONDS = 2.0
BOTH = {"products", "orders"}
MESSAGE = re.compile(r'<ul class="messagelist">(.*?)</ul>', re.S)
STYLESHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)"')


def a_day(shop: Shop, say: Callable[[str], None]) -> None:
    """Run all of it.

    Raises:
        Failed: Something is not as it must be.
    """
    for step in STEPS:
        if step is _lose_the_database and not shop.cell.read_only:
            continue
        started = time.monotonic()
        step(shop)
        say(f"{(step.__doc__ or '').rstrip('.')} ({time.monotonic() - started:.1f} s)")


def _make_tables(shop: Shop) -> None:
    """Tables, and the system checks."""
    elsewhere = ("--database", "second") if shop.cell.database == "second" else ()
    shop.manage("migrate", "--verbosity", "0", "--run-syncdb", *elsewhere)
    shop.manage("check", "--fail-level", "ERROR")


def _add_token(shop: Shop) -> None:
    """A token, which is tried."""
    given = next(token for token in shop.remote["tokens"] if token["mode"] == "HMAC")
    which = ("--store", shop.remote["store"], "--mode", "hmac", "--token-id", given["token_id"])
    shop.manage("pandabase_add_token", *which, PANDABASE_TOKEN_SECRET=given["secret"])


def _serve(shop: Shop) -> None:
    """Web server, worker and beat; the shop's pages and their styles."""
    if shop.cell.path:
        shop.manage("collectstatic", "--no-input", "--verbosity", "0")
    shop.serve()
    found = until("the shop's page", lambda: _read(f"{shop.site}/"), seconds=30)
    if shop.cell.path:
        _must(_read(urljoin(f"{shop.site}/", _only(STYLESHEET, found))), "the stylesheet")


def _first_sync(shop: Shop) -> None:
    """The first sync, by the worker."""
    shop.ask("sync")
    until("products and orders are read", lambda: _completed(shop, after=0) >= BOTH)


def _receive_a_webhook(shop: Shop) -> None:
    """Webhooks registered by the admin's button; a refund is handled once."""
    password = shop.password = shop.ask("make_people")
    browser = Browser()
    browser.read(f"{shop.site}/sign-in/")
    browser.submit("password", username=OWNER, password=password)
    browser.read(urljoin(shop.site, shop.ask("endpoint")))
    found = browser.submit("url")
    said = [" ".join(text.split()) for text in MESSAGE.findall(found)]
    _must(any("Registered" in text for text in said), f"the button “Register”: {said}")
    refunded = _refund_one(shop)
    until("the refund is handled", lambda: shop.ask("order", refunded) == ["REFUNDED", 1])


def _sell(shop: Shop) -> None:
    """A checkout opened, paid and handed out."""
    try:
        bought = buy(shop.site, username=BUYER, password=shop.password)
    except (LookupError, OSError) as error:
        raise Failed(f"nothing could be bought: {error}") from None
    _must(bought.return_url.startswith(f"{shop.site}/"), f"came back to {bought.return_url}")


def _rotate(shop: Shop) -> None:
    """The secret rotated while traffic runs."""
    with _traffic(shop):
        pk = shop.ask("rotate")
        _until_done(shop, pk)
        time.sleep(TRAFFIC_SECONDS)
    shop.manage("pandabase_test_connection")


def _lose_the_database(shop: Shop) -> None:
    """The database away: an answer waits in the spool, a webhook comes again."""
    assert shop.relay
    slow = {"action": "delay", "args": {"seconds": 4}, "match": {"path_regex": "roll-secret"}}
    shop.control("faults", [slow])
    pk = shop.ask("rotate")
    until("the roll is sent", lambda: shop.ask("rotation", pk)[0] == "SENT")
    order = shop.ask("paid")[0]
    shop.relay.cut()
    shop.control("changes", [{"op": "refund_order", "id": order}])
    spool = shop.folder / "writable" / "spool"
    until("the answer is in the spool", lambda: any(spool.iterdir()), seconds=30)
    shop.relay.mend()
    _until_done(shop, pk)
    until("the spool is empty", lambda: not any(path.is_file() for path in spool.iterdir()))
    shop.control("deliveries/hurry", {})
    until("the refund is handled", lambda: shop.ask("order", order) == ["REFUNDED", 1])


def _deliver_again(shop: Shop) -> None:
    """All webhooks delivered again: handlers were called once each."""
    for event in sorted({one["event_id"] for one in shop.control("deliveries")}):
        shop.control("deliveries", {"event": event})

    def all_delivered() -> bool:
        return {one["state"] for one in shop.control("deliveries")} == {"DELIVERED"}

    until("all webhooks are delivered", all_delivered)
    until("all webhooks are worked off", lambda: "PENDING" not in shop.ask("deliveries"))
    _must("DEAD" not in shop.ask("deliveries"), f"dead letters: {shop.ask('deliveries')}")
    found = shop.ask("handed")
    _must(found["calls"] == found["events"] > 0, f"calls of the handler: {found}")
    sold = [found[name] for name in ("purchases", "facts", "licences")]
    _must(sold == [1, 1, 1], f"purchases, calls and licences: {sold}")


def _poll(shop: Shop) -> None:
    """A poll that beat began."""
    newest = max((run[0] for run in shop.ask("runs", 0)), default=0)
    until("beat's poll ends", lambda: _completed(shop, after=newest, by="SCHEDULE") >= BOTH)


def _compare(shop: Shop) -> None:
    """The audit says EQUAL, and so does each row compared with the sandbox's own dump."""
    said = shop.manage("pandabase_sync", "--audit", "--full")
    _must(said.count("EQUAL") == 2, f"the audit: {said.strip()}")
    differing = shop.ask("differences", shop.remote["control_url"])
    _must(not differing, f"{len(differing)} rows differ: {differing[:3]}")
    if shop.proxy is not None:
        wanted = {f"{API_NAME}:{urlsplit(shop.remote['url']).port}"}
        _must(set(shop.proxy.asked) == wanted, f"the proxy was asked for {set(shop.proxy.asked)}")


def _stop(shop: Shop) -> None:
    """All end at SIGTERM."""
    shop.stop()


STEPS = (
    *(_make_tables, _add_token, _serve, _first_sync, _receive_a_webhook, _sell, _rotate),
    *(_lose_the_database, _deliver_again, _poll, _compare, _stop),
)


@contextmanager
def _traffic(shop: Shop) -> Any:
    """Buyers look at pages, orders come and are refunded, until the block ends."""
    ended, wrong = threading.Event(), []
    orders = shop.ask("paid")[1:]

    def run() -> None:
        while not ended.wait(0.3):
            try:
                shop.control("changes", [{"op": "create_order"}])
                shop.control("changes", [{"op": "refund_order", "id": orders.pop()}])
                with urllib.request.urlopen(f"{shop.site}/", timeout=30) as answer:
                    answer.read()
            except OSError as error:
                wrong.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    _must(not wrong, f"traffic: {wrong[:3]}")


def _until_done(shop: Shop, pk: str) -> None:
    def ended() -> list[Any] | None:
        # The database may be away.
        said = shop.try_to_ask("rotation", pk).get("said")
        return said if said and said[0] in ("DONE", "FAILED_SAFE", "HELD", "LOST") else None

    state, version, outcome = until("the rotation ends", ended)
    _must(state == "DONE", f"the rotation: {state}, version {version}: {outcome}")


def _refund_one(shop: Shop) -> str:
    order: str = shop.ask("paid")[0]
    shop.control("changes", [{"op": "refund_order", "id": order}])
    return order


def _completed(shop: Shop, *, after: int, by: str = "") -> set[str]:
    return {
        resource
        for _pk, resource, state, trigger in shop.ask("runs", after)
        if state == "COMPLETED" and by in ("", trigger)
    }


def _read(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError:
        return ""


def _only(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise Failed("the page names no stylesheet")
    return urlsplit(found[1]).path


def _must(claim: Any, what: str) -> None:
    if not claim:
        raise Failed(what)
