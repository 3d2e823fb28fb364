"""Buys one thing as a buyer does: by the pages alone, with no script and no part of the app.

It is the witness of ``demo --once``: a browser without JavaScript that fills in forms.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import TypeVar
from urllib.parse import urlencode, urljoin

__all__ = ["Bought", "Browser", "buy"]

PATIENCE_SECONDS = 60.0
KEY = re.compile(r"<code>([0-9A-F]{4}(?:-[0-9A-F]{4}){3})</code>")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bought:
    """What the buyer saw.

    Attributes:
        return_url: The page that the buyer came back to.
        keys: Of the licences on the page of orders.
        paid_seconds: From the payment until the return page said that it is paid.
        handed_seconds: From the payment until the licence was seen.
    """

    return_url: str
    keys: list[str]
    paid_seconds: float
    handed_seconds: float


def buy(site: str, *, username: str, password: str) -> Bought:
    """Sign in, press the first button that sells something, pay, and wait for the licence.

    Args:
        site: Address of the shop, without a slash at the end.
        username: The buyer's.
        password: The buyer's.

    Raises:
        LookupError: A page lacks what a buyer needs, or does not change in time.
        OSError: A page can't be read.
    """
    browser = Browser()
    browser.read(f"{site}/sign-in/")
    browser.submit("password", username=username, password=password)
    browser.read(site)
    browser.submit("offer")
    started = time.monotonic()
    browser.submit("email", email="buyer@example.com", action="pay")
    came_back = browser.url
    status = urljoin(came_back, "../status/")
    _wait(lambda: json.loads(browser.read(status))["state"] == "paid", "that it is paid")
    paid = time.monotonic()
    keys = _wait(lambda: KEY.findall(browser.read(f"{site}/orders/")), "a licence")
    handed = time.monotonic()
    return Bought(
        return_url=came_back,
        keys=keys,
        paid_seconds=paid - started,
        handed_seconds=handed - started,
    )


def _wait(look: Callable[[], T], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise LookupError(f"The pages did not say {what}.")
        time.sleep(0.1)
    return found


@dataclass(slots=True)
class _Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    usable: bool = True


class _Forms(HTMLParser):
    """The forms of a page, with what is filled in already."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(_Form(given.get("action", "")))
        elif tag == "input" and self.found and "name" in given:
            self.found[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self.found and "selected" in given:
            self.found[-1].fields[self._select] = given.get("value", "")
        elif tag == "button" and self.found and "disabled" in given:
            self.found[-1].usable = False


class Browser:
    """Keeps cookies and follows redirects."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self.url = ""
        self._text = ""

    def read(self, url: str, form: dict[str, str] | None = None) -> str:
        data = None if form is None else urlencode(form).encode()
        with self._opener.open(url, data, timeout=30) as answer:
            self.url, self._text = answer.url, answer.read().decode()
        return self._text

    def submit(self, having: str, **typed: str) -> str:
        """Send the first form of the page that has this field and a button to press.

        Returns:
            The page that follows.
        """
        forms = _Forms()
        forms.feed(self._text)
        form = next((one for one in forms.found if having in one.fields and one.usable), None)
        if form is None:
            raise LookupError(f"{self.url} has no form with a field {having}.")
        return self.read(urljoin(self.url, form.action), {**form.fields, **typed})
