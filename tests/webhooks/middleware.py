"""What a shop may have installed."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ReadsTheForm:
    """Looks at ``request.POST`` before any view does, as some session or audit tools do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.POST.get("anything")
        return self.get_response(request)
