"""The watchers of the browser tests see what they are there for."""

from __future__ import annotations

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


def test_an_inline_script_and_a_nameless_button_are_noticed(shop: Shop, browser: Browser) -> None:
    from tests.browser.axe import findings

    complaints: list[str] = []
    with open_page(browser, complaints=complaints) as page:
        page.goto(f"{shop.url}/admin/login/")
        before = findings(page)
        page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script, document.createElement("button"));
            }"""
        )
        assert page.evaluate("() => window.ran") is None
        assert any("script-src" in text for text in page.evaluate("window.__violations"))
        assert {rule for rule, _ in findings(page).keys() - before.keys()} == {"button-name"}
    assert any("Content Security Policy" in text for text in complaints)
