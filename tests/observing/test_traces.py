"""Spans of requests, as the SDK of OpenTelemetry exports them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings as configured
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from pandabase_django.api.operations import OPERATIONS, PUBLIC_OPERATIONS
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import Order, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services import client_for
from pandabase_django.services.checkout.clients import public_client_for
from pandabase_django.services.sync.runs import sync_resource

pytestmark = pytest.mark.django_db

ATTRIBUTES = {
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "pandabase.attempt",
    "pandabase.operation",
    "server.address",
}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Of the process's own SDK, which it takes one of for good."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter, store: Store, settings: Any) -> InMemorySpanExporter:
    settings.PANDABASE = {**configured.PANDABASE, "TRACES": True}
    exporter.clear()
    return exporter


def of(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def test_each_try_is_a_span_named_after_the_operation(
    spans: InMemorySpanExporter, sandbox: Sandbox, store: Store, short_backoff: None
) -> None:
    match = {"path_regex": "/products$"}
    args = {"status": 503}
    sandbox.fault(
        [
            {"match": match, "nth": 1, "action": "status", "args": args},
            {"match": match, "nth": 2, "action": "reset"},
        ]
    )
    with client_for(store) as client:
        client.products.list()
    every = {"http.request.method": "GET", "server.address": "127.0.0.1"}
    every["pandabase.operation"] = "products_list"
    assert [(span.name, dict(span.attributes or {})) for span in of(spans)] == [
        ("products_list", {**every, "pandabase.attempt": 1, "http.response.status_code": 503}),
        ("products_list", {**every, "pandabase.attempt": 2, "error.type": "no_answer"}),
        ("products_list", {**every, "pandabase.attempt": 3, "http.response.status_code": 200}),
    ]
    assert [span.status.status_code for span in of(spans)] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    for span in of(spans):
        assert span.kind == SpanKind.CLIENT
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == "pandabase_django"
        assert (span.events, span.status.description) == ((), None)


def test_spans_of_reading_threads_belong_to_what_started_the_sync(
    spans: InMemorySpanExporter, store: Store
) -> None:
    with trace.get_tracer("shop").start_as_current_span("a task") as task:
        sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
        assert trace.get_current_span() is task
    requests = [span for span in of(spans) if span.name != "a task"]
    assert len(requests) > 20
    assert {span.parent.span_id for span in requests if span.parent} == {
        task.get_span_context().span_id
    }
    assert all(span.parent for span in requests)


def test_the_public_client_has_spans_too(spans: InMemorySpanExporter, store: Store) -> None:
    with public_client_for(store) as client:
        client.storefront.store()
    assert [span.name for span in of(spans)] == ["storefront_get"]


def test_without_the_setting_there_is_no_span(
    spans: InMemorySpanExporter, settings: Any, store: Store
) -> None:
    settings.PANDABASE = {**configured.PANDABASE, "TRACES": False}
    with client_for(store) as client:
        client.products.list()
    assert of(spans) == []


def test_no_trace_header_is_sent_to_the_remote(
    spans: InMemorySpanExporter, sandbox: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pandabase_django.api.wire.connections import BoundedAdapter

    sent: list[set[str]] = []
    send = BoundedAdapter.send

    def noting(self: Any, request: Any, **given: Any) -> Any:
        sent.append({name.lower() for name in request.headers})
        return send(self, request, **given)

    monkeypatch.setattr(BoundedAdapter, "send", noting)
    with client_for(store) as client:
        client.products.list()
    assert sent
    assert not sent[0] & {"traceparent", "tracestate", "baggage"}


def test_no_secret_no_person_and_no_id_is_in_a_span(
    spans: InMemorySpanExporter, sandbox: Sandbox, store: Store, short_backoff: None
) -> None:
    for resource in ("products", "orders", "customers"):
        sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND)
    sandbox.fault([{"match": {"method": "GET"}, "action": "html", "times": 1}])
    with client_for(store) as client:
        orders = list(Order.objects.values_list("pk", flat=True))
        for pk in [*orders, "ada@example.org", "sk_canary_0123456789abcdef"]:
            try:
                client.orders.get(pk)
            except PandabaseError:
                continue
    found = of(spans)
    assert len(found) > 40
    operations = OPERATIONS.keys() | PUBLIC_OPERATIONS.keys()
    for span in found:
        assert span.name in operations
        assert set(span.attributes or {}) <= ATTRIBUTES
        text = re.sub(r'"(trace_id|span_id|parent_id)": "\w+"', "", span.to_json())
        assert "@" not in text
        assert not re.search(r"(ord|shp|sub|cus|evt|sk|stk)_\w", text)
        assert "http://" not in text.replace("http://schemas", "")
