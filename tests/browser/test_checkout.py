"""A buyer's way through the demo's shop: by a page of the remote's, and within the shop's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import DESKTOP, PHONE, open_page
from tests.browser.shop import Shop, running_shop
from tests.browser.test_keyboard import fill, press

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.worker,
    pytest.mark.xdist_group("selling"),
]

LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": PHONE},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
}
PAID = "Thank you, it is paid."
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def shop(_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo's shop, with a worker, and a buyer who is signed in."""
    folder = tmp_path_factory.mktemp("selling")
    with running_shop(folder, worker=True, how="selling") as running:
        yield running


def look_at(page: Page) -> None:
    """Nothing on it is wrong for anybody."""
    from tests.browser.axe import findings

    assert findings(page) == {}, page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert page.evaluate("window.__violations") == [], page.url


def licences(page: Page, shop: Shop) -> list[str]:
    page.goto(f"{shop.url}/orders/")
    return page.locator(".licences code").all_inner_texts()


def handed_out(page: Page, shop: Shop, before: list[str]) -> list[str]:
    """The licences of now, of which one is new."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(now := licences(page, shop)) == len(before):
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    assert len(now) == len(before) + 1
    assert set(before) < set(now)
    return now


def returned(shop: Shop) -> str:
    """Where the buyer of the newest checkout comes back to."""
    code = (
        "from pandabase_django.models import CheckoutSession; "
        "print(CheckoutSession.objects.latest('created_at').return_url)"
    )
    return urlsplit(shop.run("manage.py", "shell", "-v", "0", "-c", code).strip()).path


@pytest.mark.parametrize("look", LOOKS)
def test_something_is_bought_with_the_keyboard_alone(
    shop: Shop, browser: Browser, look: str
) -> None:
    complaints: list[str] = []
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=complaints, **LOOKS[look]
    ) as page:
        before = licences(page, shop)
        page.goto(shop.url)
        look_at(page)
        press(page, ".pandabase-buy button")
        assert page.url.startswith(f"{shop.remote['url']}/pay/")
        fill(page, "[name=email]", "ann@example.com")
        press(page, "[value=pay]")
        assert page.url.startswith(f"{shop.url}/pandabase/checkout/")
        page.get_by_role("heading", name=PAID).wait_for()
        look_at(page)
        handed_out(page, shop, before)
        look_at(page)
        # A page that only a buyer sees.
        page.locator(".manuals a").first.click()
        page.get_by_role("heading", name="Manual of").wait_for()
        look_at(page)
    assert complaints == []


@pytest.mark.parametrize("look", LOOKS)
def test_after_a_declined_card_the_same_checkout_is_paid(
    shop: Shop, browser: Browser, look: str
) -> None:
    complaints: list[str] = []
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=complaints, **LOOKS[look]
    ) as page:
        page.goto(shop.url)
        press(page, ".pandabase-buy button")
        asked = page.url
        fill(page, "[name=email]", "ann@example.com")
        press(page, "[value=decline]")
        # Who goes back to the shop meanwhile and buys again comes to the same payment.
        page.goto(f"{shop.url}/")
        press(page, ".pandabase-buy button")
        assert page.url == asked
        page.goto(f"{shop.url}{returned(shop)}")
        page.get_by_role("heading", name="One try to pay failed.").wait_for()
        look_at(page)
        page.get_by_role("link", name="Try again, or pay in another way").click()
        assert page.url == asked
        fill(page, "[name=email]", "ann@example.com")
        press(page, "[value=pay]")
        page.get_by_role("heading", name=PAID).wait_for()
    assert complaints == []


@pytest.mark.fact(42)
@pytest.mark.parametrize("look", LOOKS)
def test_something_is_bought_within_the_shop(shop: Shop, browser: Browser, look: str) -> None:
    complaints: list[str] = []
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=complaints, **LOOKS[look]
    ) as page:
        before = licences(page, shop)
        page.goto(shop.url)
        page.locator(".card", has=page.get_by_role("button", name="Buy")).first.get_by_role(
            "link"
        ).click()
        look_at(page)
        press(page, ".pandabase-buy .second")
        frame = page.frame_locator("dialog iframe")
        frame.get_by_label("E-mail").fill("ann@example.com")
        look_at(page)
        # Who closes the frame can go on by a link; nothing is paid.
        page.get_by_role("button", name="Close").click()
        page.get_by_role("link", name="Pay on a page of its own").wait_for()
        look_at(page)
        page.reload()
        frame.get_by_label("E-mail").fill("ann@example.com")
        frame.get_by_role("button", name="Pay", exact=True).click()
        page.get_by_role("heading", name=PAID).wait_for()
        handed_out(page, shop, before)
    assert complaints == []


@pytest.mark.fact(42)
def test_a_policy_for_forms_has_to_name_the_vendor(shop: Shop, browser: Browser) -> None:
    vendor = shop.remote["url"]
    with open_page(browser, session=shop.seed["session"], url=shop.url, complaints=[]) as page:

        def forbid(route: Route) -> None:
            answer = route.fetch()
            policy = answer.headers["content-security-policy"]
            assert f"form-action 'self' {vendor}" in policy
            stricter = policy.replace(f"form-action 'self' {vendor}", "form-action 'self'")
            headers = {**answer.headers, "content-security-policy": stricter}
            route.fulfill(response=answer, headers=headers)

        page.route(f"{shop.url}/", forbid)
        page.goto(f"{shop.url}/")
        page.locator(".pandabase-buy button").first.click()
        page.wait_for_function("window.__violations.some((text) => text.includes('form-action'))")
        assert page.url == f"{shop.url}/"


def test_something_is_bought_without_scripts(shop: Shop, browser: Browser) -> None:
    complaints: list[str] = []
    with open_page(
        browser,
        session=shop.seed["session"],
        url=shop.url,
        complaints=complaints,
        java_script_enabled=False,
    ) as page:
        before = licences(page, shop)
        page.goto(shop.url)
        page.locator(".pandabase-buy button").first.click()
        page.get_by_label("E-mail").fill("ann@example.com")
        # It takes five seconds: the page that the buyer comes back to reloads itself.
        page.get_by_role("button", name="Pay by a slow method").click()
        page.get_by_role("heading", name=PAID).wait_for(timeout=PATIENCE_SECONDS * 1000)
        handed_out(page, shop, before)
    assert complaints == []
