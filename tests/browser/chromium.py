"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

__all__ = ["DESKTOP", "PHONE", "chromium", "open_page", "visit", "why_not"]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Runs before the page's own scripts and is not bound by its policy.
WATCH_POLICY = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


def path() -> str:
    """Chromium's path; "" when there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


def why_not() -> str:
    """Why no browser can be driven here; "" when one can."""
    try:
        import axe_playwright_python  # noqa: F401
        import playwright  # noqa: F401
    except ImportError:
        return "Playwright or axe-core is not installed: pip install -e '.[browser]'"
    return "" if path() else "no Chromium: apt-get install chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(
    browser: Browser, *, session: str = "", url: str = "", complaints: list[str], **options: Any
) -> Iterator[Page]:
    """A tab in a profile of its own.

    Args:
        browser: The running browser.
        session: Key of a Django session, to be logged in from the start.
        url: The server that the session belongs to.
        complaints: Takes what the console reports as an error, failing scripts included.
        **options: As ``Browser.new_context`` takes them.
    """
    context = browser.new_context(viewport=options.pop("viewport", DESKTOP), **options)
    try:
        if session:
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        context.add_init_script(WATCH_POLICY)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{message.text} ({page.url})")
                if message.type == "error" and "favicon" not in message.location["url"]
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"{error} ({page.url})"))
        yield page
    finally:
        context.close()


def visit(page: Page, url: str, which: dict[str, Any]) -> Response | None:
    """Open a page of a seed; where it names what to type, fill the form of the page and send it."""
    answer = page.goto(url + which["path"])
    if typed := which.get("typed"):
        for selector, text in typed.items():
            page.fill(selector, text)
        with page.expect_navigation() as sent:
            page.locator(".pandabase-form input[type=submit]").first.click()
        answer = sent.value
    page.wait_for_selector("[data-load]", state="detached")  # what a script puts there is there
    return answer
