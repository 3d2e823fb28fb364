"""Every page in a real browser: no error, nothing its policy refuses, as accessible as Django's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import DESKTOP, PHONE, open_page, visit
from tests.browser.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
]

LOOKS: dict[str, dict[str, Any]] = {
    "desktop, light": {"viewport": DESKTOP, "color_scheme": "light"},
    "phone, dark": {"viewport": PHONE, "color_scheme": "dark"},
}
WIDTH = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
PARTS = 4


class Plain:
    """What axe-core finds on Django's own pages, which are opened as far as it is asked for."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.known: set[tuple[str, str]] = set()

    def lacks(self, page: Page, found: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of ``found`` that no plain page has; leads ``page`` to other addresses."""
        from tests.browser.axe import findings

        while self.paths and found - self.known:
            page.goto(self.paths.pop(0))
            self.known |= findings(page).keys()
        return found - self.known


@pytest.fixture(scope="session")
def plain(shop: Shop) -> dict[str, Plain]:
    paths = [shop.url + which["path"] for which in shop.seed["baseline"]]
    return {look: Plain(paths.copy()) for look in LOOKS}


# Each look with a shop of its own: one after the other they would be waited for alone. In parts,
# so that a slow machine is not taken for a page that hangs.
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    "look", [pytest.param(look, marks=pytest.mark.xdist_group(look)) for look in LOOKS]
)
def test_every_page_is_sound_and_no_worse_than_a_plain_one(
    look: str, part: int, shop: Shop, plain: dict[str, Plain], browser: Browser
) -> None:
    from tests.browser.axe import findings

    complaints: list[str] = []
    wrong: list[str] = []
    ours: list[tuple[tuple[str, str], str]] = []
    pages = shop.seed["pages"][part::PARTS]
    assert len(pages) >= 20
    with open_page(
        browser,
        session=shop.seed["session"],
        url=shop.url,
        complaints=complaints,
        **LOOKS[look],
    ) as page:
        for which in pages:
            answer = visit(page, shop.url, which)
            assert answer is not None
            assert answer.status == 200, which
            wrong += [
                f"{which['name']}: policy: {text}" for text in page.evaluate("window.__violations")
            ]
            if which["name"].endswith("_history"):
                continue  # Django's own page.
            # axe-core itself tries inline styles, which the policy then refuses.
            heard = len(complaints)
            ours += [
                ((rule, place), f"{which['name']}: {rule} {place}: {text}")
                for (rule, place), text in findings(page).items()
            ]
            del complaints[heard:]
            if (over := page.evaluate(WIDTH)) > 0:
                wrong.append(f"{which['name']}: {over} px wider than the screen")
        wrong += complaints
        beyond = plain[look].lacks(page, {found for found, _ in ours})
        wrong += [text for found, text in ours if found in beyond]
    assert not wrong, "\n".join(["", *wrong])
    print(  # noqa: T201  the figures, for whoever runs this with -s
        f"\n{look}: {len(pages)} pages, {len(ours)} findings of axe-core, all on plain pages too;"
        f" {len(plain[look].paths)} plain pages not opened."
    )


def test_the_grid_of_permissions_fits_a_phone(shop: Shop, browser: Browser) -> None:
    """Who ticks a box must read what it is."""
    (which,) = (page for page in shop.seed["pages"] if page["name"] == "apitoken_change")
    with open_page(
        browser, session=shop.seed["session"], url=shop.url, complaints=[], viewport=PHONE
    ) as page:
        visit(page, shop.url, which)
        grid = page.locator(".pandabase-permissions .pandabase-scroll")
        assert grid.evaluate("grid => grid.scrollWidth - grid.clientWidth") == 0
