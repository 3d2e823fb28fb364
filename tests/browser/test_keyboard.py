"""The way from an empty shop to a synced one, with the keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import open_page
from tests.browser.shop import Shop, running_shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.worker,
    pytest.mark.xdist_group("keyboard"),
]

MANY_STOPS = 300
# Whether the element with the focus looks different from the same element without.
FOCUS_SHOWS = """() => {
  const element = document.activeElement;
  const look = () => {
    const style = getComputedStyle(element);
    return [style.outline, style.boxShadow, style.border, style.background, style.color,
            style.textDecoration].join(" ");
  };
  const focused = look();
  element.blur();
  const plain = look();
  element.focus({focusVisible: true});
  return focused !== plain;
}"""


@pytest.fixture(scope="module")
def shop(_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that has an owner, a worker, and nothing else."""
    with running_shop(tmp_path_factory.mktemp("empty"), worker=True, how="empty") as running:
        yield running


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on it; it must be seen to be there."""
    for _ in range(MANY_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            assert page.evaluate(FOCUS_SHOWS), selector
            return
    raise AssertionError(f"The Tab key does not lead to {selector} on {page.url}.")


def press(page: Page, selector: str) -> None:
    """Tab to it and press Enter; the next page is there afterwards."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def fill(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def log_in(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/")
    page.keyboard.type(shop.seed["username"])  # The first field has the focus.
    fill(page, "#id_password", shop.seed["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")


def said(page: Page) -> str:
    return " ".join(page.locator(".messagelist li").all_inner_texts())


def test_a_token_is_added_tested_rotated_and_its_store_synced(shop: Shop, browser: Browser) -> None:
    given = next(token for token in shop.remote["tokens"] if token["mode"] == "HMAC")
    complaints: list[str] = []
    with open_page(browser, complaints=complaints) as page:
        log_in(page, shop)
        press(page, "a[href='/admin/pandabase/apitoken/add/']")
        page.keyboard.type(shop.remote["store"])
        fill(page, "#id_name", "By keyboard")
        tab_to(page, "#id_mode")
        page.keyboard.type("H")
        fill(page, "#id_token_id", given["token_id"])
        fill(page, "#id_secret", given["secret"])
        press(page, "input[name='_continue']")
        assert page.url.endswith("/change/"), page.inner_text("body")
        assert given["secret"] not in page.content()
        assert "By keyboard" in said(page)

        press(page, "form[action$='/test/'] button")
        assert "200" in said(page) or "OK" in page.inner_text("body")
        assert page.locator(".messagelist .success").count() == 1

        old = page.url
        press(page, "a[href$='/rotate/']")
        fill(page, "#id_reason", "A laptop was lost")
        fill(page, "#id_typed_name", "By keyboard")
        press(page, ".pandabase-form input[type='submit']")
        # The page follows the worker and ends with a reload.
        page.locator(".pandabase-good", has_text="Done").first.wait_for(timeout=60_000)
        assert page.url != old

        press(page, "a[href='/admin/pandabase/store/']")
        press(page, "th.field-name a")
        press(page, "form[action$='/sync/'] button")
        assert "workers" in said(page)

        deadline = time.monotonic() + 120
        while "1 sync run" not in _runs(page, shop):
            assert time.monotonic() < deadline, page.inner_text("body")
            time.sleep(0.5)
        press(page, "a[href='/admin/pandabase/order/']")
        assert page.locator("#result_list tbody tr").count() == 50
        assert page.evaluate("window.__violations") == []
    assert complaints == []


def test_a_token_is_saved_and_its_store_synced_at_once(shop: Shop, browser: Browser) -> None:
    given = next(token for token in shop.remote["tokens"] if token["mode"] == "BEARER")
    complaints: list[str] = []
    with open_page(browser, complaints=complaints) as page:
        log_in(page, shop)
        page.goto(f"{shop.url}/admin/pandabase/apitoken/add/")
        page.keyboard.type(shop.remote["store"])
        fill(page, "#id_name", "At once")
        tab_to(page, "#id_mode")
        page.keyboard.type("B")
        fill(page, "#id_secret", given["secret"])
        press(page, "input[name='_sync']")
        assert "At once" in said(page)
        assert "workers" in said(page)
        assert page.evaluate("window.__violations") == []
    assert complaints == []


def _runs(page: Page, shop: Shop) -> str:
    page.goto(f"{shop.url}/admin/pandabase/syncrun/?state__exact=COMPLETED&resource__exact=orders")
    return page.inner_text("body")
