"""The sandbox's pay page, alone and in the frames of a shop with a strict policy."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.browser.chromium import DESKTOP, PHONE, open_page
from tests.browser.test_keyboard import fill, press

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.xdist_group("pay_page"),
]

SHOP = """<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop</h1>
<div id="here"></div></main><script src="{origin}/v2/sdk.js"></script>
<script src="/shop.js"></script></html>"""
SCRIPT = """
window.told = [];
window.open_checkout = (options) => {
  const note = (name) => (detail) => window.told.push([name, detail.message || ""]);
  const names = ["payment_success", "payment_processing", "cancel", "error"];
  window.opened = Pandabase.checkout({
    ...options, container: "#here", on: Object.fromEntries(names.map((n) => [n, note(n)])),
  });
};
"""


class Shop:
    """One page of a shop, which lets in the sandbox and nothing else."""

    def __init__(self, origin: str) -> None:
        policy = f"default-src 'none'; script-src 'self' {origin}; frame-src {origin}"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script = self.path.endswith(".js")
                body = (SCRIPT if script else SHOP.format(origin=origin)).encode()
                self.send_response(200)
                self.send_header("Content-Type", f"text/{'javascript' if script else 'html'}")
                self.send_header("Content-Security-Policy", policy)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Shop:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(products=2, orders=0, async_payment_seconds=0.0) as running:
        yield running


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    with Shop(sandbox.url) as running:
        yield running


def until(page: Page, expression: str) -> None:
    """Wait for it: Playwright's own wait is an ``eval``, which the policy forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


def opened(sandbox: Sandbox, **body: Any) -> str:
    line = {"name": "A course in bamboo, with a name that is rather long", "amount": 4900}
    field = {"key": "nick", "label": {"type": "custom", "custom": "Nickname"}, "type": "text"}
    change = {
        "op": "open_checkout",
        "items": [line | {"quantity": 1}],
        "display": {"fields": [field]},
        "description": "Begins at once.",
        **body,
    }
    return sandbox.change([change])[0]


@pytest.mark.parametrize("look", ["phone", "dark"])
def test_a_checkout_is_paid_with_the_keyboard_alone(
    sandbox: Sandbox, shop: Shop, browser: Browser, look: str
) -> None:
    from tests.browser.axe import findings

    session = opened(sandbox, return_url=shop.url)
    complaints: list[str] = []
    options: dict[str, Any] = {
        "phone": {"viewport": PHONE},
        "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    }[look]
    with open_page(browser, complaints=complaints, **options) as page:
        page.goto(f"{sandbox.url}/pay/stores/{sandbox.store_id}/sids/{session}")
        assert findings(page) == {}
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        fill(page, "[name=email]", "ann@example.com")
        fill(page, "[name=field_nick]", "Ann")
        press(page, "[value=decline]")
        assert page.get_by_role("alert").inner_text() == "The payment was declined."
        assert findings(page) == {}
        press(page, "[value=pay]")
        assert page.url == shop.url
        assert page.evaluate("window.__violations") == []
    assert complaints == []
    assert sandbox.dump("checkouts")[0]["state"] == "PAID"


@pytest.mark.fact(42)
def test_a_checkout_is_paid_in_a_frame(sandbox: Sandbox, shop: Shop, browser: Browser) -> None:
    complaints: list[str] = []
    with open_page(browser, complaints=complaints) as page:
        for mode in ("modal", "drawer", "overlay", "inline"):
            session = opened(sandbox, return_url="https://shop.example.com/")
            options = {"storeId": sandbox.store_id, "sessionId": session, "mode": mode}
            page.goto(shop.url)
            page.evaluate(f"open_checkout({json.dumps({**options, 'theme': 'dark'})})")
            frame = page.frame_locator("iframe")
            frame.get_by_label("E-mail").fill("ann@example.com")
            frame.get_by_label("Nickname").fill("Ann")
            frame.get_by_role("button", name="Pay with a card that is declined").click()
            frame.get_by_role("alert").wait_for()
            frame.get_by_role("button", name="Pay", exact=True).click()
            frame.get_by_text("This checkout is paid.").wait_for()
            until(page, "told.length == 2")
            assert page.evaluate("told") == [
                ["error", "The payment was declined."],
                ["payment_success", ""],
            ]
            if mode == "inline":
                page.evaluate("opened.close()")
            else:
                page.keyboard.press("Escape")
            until(page, "!document.querySelector('iframe')")
            # Who closes what is paid has not left without paying.
            assert page.evaluate("told.length") == 2
            assert page.url == shop.url
            assert page.evaluate("window.__violations") == []
    assert complaints == []
    assert {one["state"] for one in sandbox.dump("checkouts")} == {"PAID"}


def test_who_closes_the_frame_has_cancelled(sandbox: Sandbox, shop: Shop, browser: Browser) -> None:
    given = {"storeId": sandbox.store_id, "sessionId": opened(sandbox)}
    complaints: list[str] = []
    with open_page(browser, complaints=complaints) as page:
        page.goto(shop.url)
        for leave in (
            lambda: page.get_by_role("button", name="Close").click(),
            lambda: page.keyboard.press("Escape"),
            lambda: page.frame_locator("iframe").get_by_label("E-mail").press("Escape"),
            lambda: page.frame_locator("iframe").get_by_text("Leave without paying").click(),
        ):
            page.evaluate(f"told = []; open_checkout({json.dumps(given)})")
            page.frame_locator("iframe").get_by_label("E-mail").wait_for()
            leave()
            until(page, "told.length == 1")
            assert page.evaluate("told") == [["cancel", ""]]
            assert page.locator("dialog").count() == 0
        for wrong in ({**given, "mode": "window"}, {"storeId": "shp_1"}):
            page.evaluate(f"told = []; open_checkout({json.dumps(wrong)})")
            ((name, message),) = page.evaluate("told")
            assert (name, bool(message)) == ("error", True)
        assert page.evaluate("window.__violations") == []
    assert complaints == []
