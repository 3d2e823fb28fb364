"""The columns that decide are seen without scrolling, at 1280 px and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import DESKTOP, PHONE, open_page
from tests.browser.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.xdist_group("shop"),
]

#: By list: the last column that must be seen at 1280 px, and the last on a phone.
DECIDING: dict[str, tuple[str, str]] = {
    "order_changelist": ("created_at", "state"),
    "checkoutsession_changelist": ("created", "outcome"),
    "purchase_changelist": ("seen", "outcome"),
    "subscription_changelist": ("ends_at", "state"),
    "license_changelist": ("claimed_at", "product_title"),
    "refund_changelist": ("created_at", "amount"),
    "dispute_changelist": ("created_at", "evidence_until"),
    "ledgerentry_changelist": ("created_at", "amount"),
    "payout_changelist": ("created_at", "state"),
    "coupon_changelist": ("expires_at", "is_enabled"),
    "customer_changelist": ("created_at", "name"),
    "customerlink_changelist": ("linked", "state"),
    "remoteaction_changelist": ("asked", "state_badge"),
    "usagerecord_changelist": ("outcome", "outcome"),
    "erasure_changelist": ("finished", "by"),
    "rotationattempt_changelist": ("outcome_badge", "outcome_badge"),
    "product_changelist": ("synced_at", "price"),
    "category_changelist": ("synced_at", "name_and_id"),
    "syncrun_changelist": ("elapsed", "outcome"),
    "webhookdelivery_changelist": ("order_link", "outcome_and_error"),
    "store_changelist": ("last_synced", "health"),
    "apitoken_changelist": ("last_used_at", "state"),
    "webhookendpoint_changelist": ("last_verified_at", "dead"),
    "requestlog_changelist": ("time_taken", "answer"),
}
RIGHT_EDGE = """(name) => {
  const head = document.querySelector(`#result_list th.column-${name}`);
  const row = head.closest("table").querySelector("tbody tr");
  const cell = row.children[[...head.parentNode.children].indexOf(head)];
  const room = head.closest(".results").getBoundingClientRect().right;
  return [Math.max(head.getBoundingClientRect().right, cell.getBoundingClientRect().right), room];
}"""


def test_what_decides_is_seen_without_scrolling(shop: Shop, browser: Browser) -> None:
    wrong: list[str] = []
    with open_page(browser, session=shop.seed["session"], url=shop.url, complaints=wrong) as page:
        paths = {found["name"]: found["path"] for found in shop.seed["pages"]}
        for name, columns in DECIDING.items():
            page.goto(shop.url + paths[name])
            for which, viewport in enumerate((DESKTOP, PHONE)):
                page.set_viewport_size(viewport)
                edge, room = page.evaluate(RIGHT_EDGE, columns[which])
                if edge > min(room, viewport["width"]) + 1:
                    wrong.append(f"{name} at {viewport['width']}: {columns[which]} ends at {edge}")
    assert wrong == []


def test_a_name_of_one_long_word_widens_no_page(shop: Shop, browser: Browser) -> None:
    named = {
        "/admin/pandabase/store/overview/": ".pandabase-card h3 a",
        "/admin/pandabase/syncrun/": ".field-what .pandabase-below",
    }
    wrong: list[str] = []
    with open_page(browser, session=shop.seed["session"], url=shop.url, complaints=wrong) as page:
        for path, names in named.items():
            page.goto(shop.url + path)
            page.locator(names).first.evaluate("(name) => { name.textContent = 'w'.repeat(60); }")
            for viewport in (DESKTOP, PHONE):
                page.set_viewport_size(viewport)
                edge = page.locator(names).first.evaluate(
                    "(name) => name.closest('.pandabase-card, td').getBoundingClientRect().right"
                )
                wide = page.evaluate("document.documentElement.scrollWidth")
                if max(edge, wide) > viewport["width"]:
                    wrong.append(f"{path} at {viewport['width']}: {edge}, {wide}")
    assert wrong == []
