"""Every page in a real browser: no error, nothing its policy refuses, as accessible as Django's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import DESKTOP, PHONE, open_page, visit
from tests.browser.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.timeout(600),
]

LOOKS: dict[str, dict[str, Any]] = {
    "desktop, light": {"viewport": DESKTOP, "color_scheme": "light"},
    "phone, dark": {"viewport": PHONE, "color_scheme": "dark"},
}
WIDTH = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


# Each with a shop of its own: one after the other they would be waited for alone.
@pytest.mark.parametrize(
    "look", [pytest.param(look, marks=pytest.mark.xdist_group(look)) for look in LOOKS]
)
def test_every_page_is_sound_and_no_worse_than_a_plain_one(
    look: str, shop: Shop, browser: Browser
) -> None:
    from tests.browser.axe import findings

    complaints: list[str] = []
    plain: set[tuple[str, str]] = set()
    wrong: list[str] = []
    ours: set[tuple[str, str]] = set()
    with open_page(
        browser,
        session=shop.seed["session"],
        url=shop.url,
        complaints=complaints,
        **LOOKS[look],
    ) as page:
        for which in shop.seed["baseline"]:
            page.goto(shop.url + which["path"])
            plain |= findings(page).keys()
        complaints.clear()  # Django's own
        for which in shop.seed["pages"]:
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
            here = findings(page)
            del complaints[heard:]
            ours |= here.keys()
            wrong += [
                f"{which['name']}: {rule} {place}: {text}"
                for (rule, place), text in here.items()
                if (rule, place) not in plain
            ]
            if (over := page.evaluate(WIDTH)) > 0:
                wrong.append(f"{which['name']}: {over} px wider than the screen")
    assert len(shop.seed["pages"]) >= 20
    wrong += complaints
    assert not wrong, "\n".join(["", *wrong])
    print(  # noqa: T201  the figures, for whoever runs this with -s
        f"\n{look}: {len(shop.seed['pages'])} pages; axe-core: {len(plain)} findings on plain"
        f" pages, {len(ours)} of them on ours, none beyond."
    )
