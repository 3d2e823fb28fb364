"""The pages under other admin themes: they open, and what is ours can be seen and used there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import open_page, visit
from tests.browser.shop import Shop, in_theme
from tests.required import skip

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.xdist_group("shop"),
]

# What is ours on a page and does not look as it should, in words.
FAULTS = """() => {
  const faults = [];
  const shown = (element) => element.offsetParent !== null;
  if (!document.querySelector("link[href*='pandabase/admin.css']")) {
    faults.push("our stylesheet is not loaded");
  }
  for (const button of document.querySelectorAll("button.button")) {
    const box = button.getBoundingClientRect();
    const style = getComputedStyle(button);
    if (shown(button) && (box.width < 30 || box.height < 20 || style.color === style.backgroundColor
        || parseFloat(style.fontSize) < 10 || button.scrollWidth > box.width + 2
        || style.backgroundColor === "rgba(0, 0, 0, 0)")) {
      faults.push(`button "${button.innerText}": ${box.width} x ${box.height}, ${style.color} on `
        + style.backgroundColor);
    }
  }
  for (const badge of document.querySelectorAll(".pandabase-badge")) {
    if (shown(badge) && parseFloat(getComputedStyle(badge).borderLeftWidth) < 1) {
      faults.push(`badge "${badge.innerText}" without a border`);
    }
  }
  for (const field of document.querySelectorAll("#id_name, #id_store_id, #id_secret")) {
    const style = getComputedStyle(field);
    if (shown(field) && !parseFloat(style.borderBottomWidth) && style.boxShadow === "none") {
      faults.push(`${field.id} without a frame`);
    }
  }
  return faults;
}"""


@pytest.fixture(params=["unfold", "jazzmin", "grappelli"])
def themed(request: Any, shop: Shop) -> Iterator[Shop]:
    """The shop under the theme."""
    if importlib.util.find_spec(request.param) is None:
        skip("themes", reason=f"django-{request.param} is not installed")
    with in_theme(shop, request.param) as running:
        yield running


def test_every_page_opens_and_is_usable_under_the_theme(themed: Shop, browser: Browser) -> None:
    shop = themed
    complaints: list[str] = []
    wrong: list[str] = []
    buttons = 0
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=complaints
    ) as page:
        for which in shop.seed["pages"]:
            answer = visit(page, shop.url, which)
            assert answer is not None
            assert answer.status == 200, which
            if not which["name"].endswith(("_history", "index")):
                wrong += [f"{which['name']}: {text}" for text in page.evaluate(FAULTS)]
            buttons += page.locator("button.button:visible").count()
    # Fonts that a theme fetches from elsewhere are not there.
    wrong += [text for text in complaints if "ERR_NAME_NOT_RESOLVED" not in text]
    assert not wrong, "\n".join(["", *wrong])
    assert buttons >= 5
