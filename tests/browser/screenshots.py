"""Pictures of every admin page: light, dark and on a phone.

Run ``python -m tests.browser.screenshots [--only TEXT] [--to FOLDER] [--theme NAME]``; the pages
are those of a shop on the sandbox, filled for the occasion.
"""

from __future__ import annotations

import argparse
import atexit
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import DESKTOP, PHONE, chromium, open_page, visit, why_not
from tests.browser.shop import running_shop
from tests.worker import tables

LOOKS = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "german": {"viewport": DESKTOP, "color_scheme": "light", "locale": "de-DE"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="pages whose name contains this")
    parser.add_argument("--to", type=Path, default=Path("screenshots"))
    parser.add_argument("--theme", default="", choices=["", "unfold", "jazzmin", "grappelli"])
    parser.add_argument("--looks", nargs="+", default=list(LOOKS), choices=list(LOOKS))
    options = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    tables.begin()
    atexit.register(tables.remove)
    complaints: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_shop(Path(folder), theme=options.theme) as shop,
        chromium() as browser,
    ):
        pages = [page for page in shop.seed["pages"] if options.only in page["name"]]
        for look in options.looks:
            with open_page(
                browser,
                session=shop.seed["session"],
                url=shop.url,
                complaints=complaints,
                **LOOKS[look],
            ) as page:
                for which in pages:
                    visit(page, shop.url, which)
                    target = options.to / options.theme / look / f"{which['name']}.png"
                    page.screenshot(path=target, full_page=True)
                    sys.stdout.write(f"{target}\n")
                    complaints += page.evaluate("window.__violations")
    sys.stdout.write("".join(f"! {text}\n" for text in complaints))


if __name__ == "__main__":
    main()
