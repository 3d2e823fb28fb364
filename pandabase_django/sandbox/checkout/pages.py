"""What a buyer sees: the pay page, alone or in a frame, and the script that opens the frame.

The page works without JavaScript. A person presses Pay, Pay later, Decline or Leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl

from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.page_parts import Shown, render, typed_problem
from pandabase_django.sandbox.checkout.payment import complete_later, pay_session, standing
from pandabase_django.sandbox.checkout.purchase import Given
from pandabase_django.sandbox.http.wire import Request, Response
from pandabase_django.sandbox.store.sessions import Session

__all__ = ["answer_page", "is_page"]

_FILES = {
    "/pay/pay.css": "text/css",
    "/embed/embed.js": "text/javascript",
    "/v2/sdk.js": "text/javascript",
}
_WAYS = {"pay": "card", "later": "async", "decline": "decline"}
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; "


def is_page(path: str) -> bool:
    """Whether a path is one of a buyer's browser."""
    return path in _FILES or path.startswith(("/pay/", "/embed/"))


def answer_page(services: Services, request: Request) -> Response:
    """Answer a browser."""
    if request.path in _FILES:
        kind = f"{_FILES[request.path]}; charset=utf-8"
        name = request.path.rpartition("/")[2]
        return Response(200, file_text(name).encode(), content_type=kind)
    segments = request.segments
    framed = segments[0] == "embed"
    place = [segments[1], segments[3]] if len(segments) == 5 else []
    session = services.state.sessions.get(segments[-1])
    if place != ["stores", "sids"] or segments[2] != services.state.store_id or session is None:
        return _plain(404, "There is no such checkout.")
    if request.method not in ("GET", "POST"):
        return _plain(405, "Only GET and POST.")
    with services.state.lock:
        return _Visitor(services, request, session, framed=framed).answer()


@cache
def file_text(name: str) -> str:
    """A file of this package."""
    return files("pandabase_django.sandbox.checkout").joinpath("files", name).read_text("utf-8")


class _Visitor:
    """One request of a browser for the page of a session."""

    def __init__(
        self, services: Services, request: Request, session: Session, *, framed: bool
    ) -> None:
        self._services = services
        self._request = request
        self._session = session
        self._framed = framed
        self._form: dict[str, str] = {}

    def answer(self) -> Response:
        if self._request.method == "GET":
            return self._page()
        text = self._request.body.decode("utf-8", "replace")
        self._form = dict(parse_qsl(text, keep_blank_values=True))
        action = self._form.get("action", "")
        if action == "leave":
            return self._gone(self._session.body.get("cancel_url"), event="cancel")
        if action not in _WAYS or standing(self._services.state, self._session) not in (
            "OPEN",
            "FAILED",
        ):
            return self._page()
        return self._pay(_WAYS[action])

    def _pay(self, way: str) -> Response:
        services, session = self._services, self._session
        problem = typed_problem(session, self._form)
        if problem:
            return self._page(problem=problem)
        services.state.changing()
        try:
            pay_session(
                services.state,
                session,
                way=way,
                given=self._given(),
                settings=services.settings,
            )
        except Invalid as error:
            return self._page(problem=str(error))
        if way == "decline":
            return self._page(problem="The payment was declined.", event="error")
        if way == "async" and services.settings.async_payment_seconds:
            seconds = services.settings.async_payment_seconds
            complete_later(services.state, session, seconds=seconds)
        event = "payment_success" if way == "card" else "payment_processing"
        return self._gone(session.body.get("return_url"), event=event)

    def _given(self) -> Given:
        form, session = self._form, self._session
        fields = session.body.get("display", {}).get("fields", [])
        prices = {
            place: round(float(form[f"price_{place}"]) * 100)
            for place, line in enumerate(session.lines)
            if line.least is not None
        }
        return Given(
            email=form.get("email", ""),
            name=form.get("name", ""),
            country=form.get("country", ""),
            region=form.get("region", ""),
            typed={
                field["key"]: form[f"field_{field['key']}"]
                for field in fields
                if form.get(f"field_{field['key']}")
            },
            prices=prices,
        )

    def _gone(self, url: str | None, *, event: str) -> Response:
        """Where the buyer goes; in a frame the page around it decides."""
        if self._framed or not url:
            return self._page(event=event)
        return Response(303, b"", headers={"Location": url})

    def _page(self, *, problem: str = "", event: str = "") -> Response:
        state = self._services.state
        shown = Shown(
            session=self._session,
            standing=standing(state, self._session),
            form=self._form,
            problem=problem,
            event=event,
            framed=self._framed,
        )
        query: Mapping[str, str] = self._request.query()
        body = render(
            file_text("pay.html"), state, shown, settings=self._services.settings, query=query
        )
        ancestors = (
            "frame-ancestors *; script-src 'self'" if self._framed else "frame-ancestors 'none'"
        )
        return Response(
            422 if problem and not event else 200,
            body.encode(),
            content_type="text/html; charset=utf-8",
            headers={
                "Content-Security-Policy": _POLICY + ancestors,
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
            },
        )


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), content_type="text/plain; charset=utf-8")
