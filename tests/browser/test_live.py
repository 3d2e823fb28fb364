"""A run's page follows it, rests while it is hidden, and ends with the whole story."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import open_page
from tests.browser.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.xdist_group("shop"),
]

SET_UP = "import django; django.setup(); from pandabase_django.models import *; "
RUNNING = (
    "from django.utils import timezone as t; from datetime import timedelta; n = t.now(); "
    "SyncRun.objects.filter(state='RUNNING', resource='orders').delete(); "
    "print(SyncRun.objects.create(store=Store.objects.first(), resource='orders', trigger='ADMIN',"
    " started_at=n, heartbeat_at=n + timedelta(hours=1), progress_done=10, progress_total=100).pk)"
)
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_the_overview_brings_its_sales(shop: Shop, browser: Browser) -> None:
    complaints: list[str] = []
    overview = f"{shop.url}/admin/pandabase/store/overview/"
    login = {"session": shop.seed["session"], "url": shop.url, "complaints": complaints}
    with open_page(browser, **login) as page:
        page.goto(overview)
        page.locator("#pandabase-sales .pandabase-chart").first.wait_for()
        assert page.locator("#pandabase-sales").count() == 1
        assert page.evaluate("window.__violations") == []
        # Another page in its place leaves the link.
        page.route("**/overview/sales/", lambda route: route.fulfill(body="<h1>Log in</h1>"))
        with page.expect_response("**/overview/sales/"):
            page.goto(overview)
        page.wait_for_timeout(300)
        assert page.locator("#pandabase-sales a").inner_text() == "Show what was sold"
    with open_page(browser, **login, java_script_enabled=False) as page:
        page.goto(overview)
        page.get_by_role("link", name="Show what was sold").click()
        assert page.locator("#pandabase-sales .pandabase-chart").count() == 2
    assert complaints == []


def test_a_page_follows_its_run_to_the_end(shop: Shop, browser: Browser) -> None:
    pk = shop.run("-c", SET_UP + RUNNING).strip()
    complaints: list[str] = []
    asked: list[str] = []
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=complaints
    ) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{shop.url}/admin/pandabase/syncrun/{pk}/change/")
        bar = page.locator("progress[data-live-progress]")
        assert bar.evaluate("bar => [bar.value, bar.max]") == [10, 100]

        shop.run("-c", f"{SET_UP}SyncRun.objects.filter(pk={pk}).update(progress_done=55)")
        page.get_by_text("55 / 100").wait_for()
        assert bar.evaluate("bar => bar.value") == 55

        page.evaluate(HIDE, True)
        page.wait_for_timeout(500)  # what was asked before may still come
        asked.clear()
        page.wait_for_timeout(3500)
        assert [url for url in asked if "/live/" in url] == []
        page.evaluate(HIDE, False)
        page.wait_for_timeout(1500)
        assert [url for url in asked if "/live/" in url]

        shop.run("-c", f"{SET_UP}SyncRun.objects.filter(pk={pk}).update(state='COMPLETED')")
        bar.wait_for(state="detached")
        page.get_by_role("button", name="Run again").wait_for()
        asked.clear()
        page.wait_for_timeout(2500)
        assert [url for url in asked if "/live/" in url] == []
        complaints += page.evaluate("window.__violations")
    assert complaints == []


def test_a_server_that_fails_is_asked_less_and_less(shop: Shop, browser: Browser) -> None:
    pk = shop.run("-c", SET_UP + RUNNING).strip()
    tries: list[float] = []
    with open_page(browser, session=shop.seed["session"], url=shop.url, complaints=[]) as page:

        def fail(route: object) -> None:
            tries.append(page.evaluate("performance.now()"))
            route.fulfill(status=503)  # type: ignore[attr-defined]

        page.route("**/live/", fail)
        page.goto(f"{shop.url}/admin/pandabase/syncrun/{pk}/change/")
        page.wait_for_timeout(8500)
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert len(tries) >= 2
    # Lower bounds alone: a busy machine makes pauses longer, never shorter.
    assert all(pause > 1800 * 2**number for number, pause in enumerate(pauses))


def test_without_javascript_the_page_reloads_itself(shop: Shop, browser: Browser) -> None:
    pk = shop.run("-c", SET_UP + RUNNING).strip()
    with open_page(
        browser,
        session=shop.seed["session"],
        url=shop.url,
        complaints=[],
        java_script_enabled=False,
    ) as page:
        page.goto(f"{shop.url}/admin/pandabase/syncrun/{pk}/change/")
        shop.run("-c", f"{SET_UP}SyncRun.objects.filter(pk={pk}).update(progress_done=77)")
        page.get_by_text("77 / 100").wait_for(timeout=30_000)
