"""The policy that every page must live under: nothing inline, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

__all__ = ["StrictPolicy"]


class StrictPolicy:
    """Middleware: ``default-src 'self'`` on every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        answer.headers["Content-Security-Policy"] = "default-src 'self'"
        return answer
