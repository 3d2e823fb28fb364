"""Makes a span of each request with OpenTelemetry. Import it only where that is installed.

Spans are recorded by whatever SDK the shop has set up; without one they cost next to nothing. No
header of a trace is sent to Pandabase.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode

from pandabase_django import __version__
from pandabase_django.observing import NO_ANSWER, Attempt, Observer

__all__ = ["Tracing"]


class Tracing(Observer):
    """Names each span after its operation; the attributes are those that an attempt has."""

    def request_begins(self, attempt: Attempt) -> Callable[[int], object]:
        span = trace.get_tracer("pandabase_django", __version__).start_span(
            attempt.operation,
            kind=SpanKind.CLIENT,
            attributes={
                "pandabase.operation": attempt.operation,
                "pandabase.attempt": attempt.number,
                "http.request.method": attempt.method,
                "server.address": attempt.host,
            },
        )
        token = context.attach(trace.set_span_in_context(span))

        def ends(status: int) -> None:
            context.detach(token)
            if status == NO_ANSWER:
                span.set_attribute("error.type", "no_answer")
            else:
                span.set_attribute("http.response.status_code", status)
            if status == NO_ANSWER or status >= 400:
                span.set_status(StatusCode.ERROR)
            span.end()

        return ends
