"""The policy that every page must live under: nothing inline, nothing from elsewhere.

Pages of a checkout let in the vendor's script and frame, for which a sandbox stands here.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

__all__ = ["StrictPolicy"]


class StrictPolicy:
    """Middleware: ``default-src 'self'`` on every answer, and no more than the docs say."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        policy = "default-src 'self'"
        if request.path.startswith("/pandabase/checkout/"):
            vendor = settings.PANDABASE["API_URL"]
            policy += f"; script-src 'self' {vendor}; frame-src {vendor}"
        answer.headers["Content-Security-Policy"] = policy
        return answer
