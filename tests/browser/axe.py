"""axe-core's findings on a page, in a form that two pages can be compared by."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["findings"]

_FIND = """async () => {
  const place = (element) => element && [
    element.localName, ...[...element.classList].filter((name) => !/[0-9]/.test(name)).sort(),
  ].join(".");
  const {violations} = await axe.run({resultTypes: ["violations"]});
  return violations.flatMap(({id, help, nodes}) => nodes.map(({target, html}) => {
    const element = document.querySelector(target[0]);
    const where = `${place(element)} in ${place(element.parentElement)}`;
    return [id, where, `${help}: ${html.slice(0, 120)}`];
  }));
}"""
_SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text()


def findings(page: Page) -> dict[tuple[str, str], str]:
    """What axe-core finds: (rule, element in its parent) to what it says of it.

    The script is evaluated by the debugger, which the page's policy does not bind.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_SOURCE)
    return {(rule, place): text for rule, place, text in page.evaluate(_FIND)}
