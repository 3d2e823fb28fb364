"""The policy that every page must live under: what docs/checkout-how-to.md says, and no more.

A sandbox stands here for the vendor's addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

__all__ = ["StrictPolicy", "documented"]

DOCS = Path(__file__).resolve().parents[2] / "docs" / "checkout-how-to.md"
VENDOR = re.compile(r"https://(?:secure|checkout)\.pandabase\.io")


def documented(directive: str, *, vendor: str) -> str:
    """The policy of the docs that begins with a directive, with another address of the vendor."""
    section = DOCS.read_text().partition("## Content-Security-Policy")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"`({directive} [^`]+)`", section)
    return VENDOR.sub(vendor, found)


class StrictPolicy:
    """Middleware: ``default-src 'self'`` on every answer, and no more than the docs say."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        vendor = settings.PANDABASE["API_URL"]
        policy = documented("default-src", vendor=vendor)
        if request.path.startswith("/pandabase/checkout/"):
            policy += "; " + documented("script-src", vendor=vendor)
        elif request.path.startswith("/admin/"):
            policy += "; form-action 'self'"
        else:
            policy += "; " + documented("form-action", vendor=vendor)
        answer.headers["Content-Security-Policy"] = policy
        return answer
