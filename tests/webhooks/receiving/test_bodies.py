"""Bodies that are too large, too slow or broken off: how much of them is read."""

from __future__ import annotations

import io
import json

import pytest
from django.test import RequestFactory

from pandabase_django.models import WebhookEndpoint
from pandabase_django.views import webhooks as views
from pandabase_django.views.webhooks import webhook
from tests.webhooks.sender import (
    payload_of,
    sign_v2,
)
from tests.webhooks.stored import rows

pytestmark = pytest.mark.django_db


class Endless(io.RawIOBase):
    """A body that never ends, and counts what was taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "a body must not be read without a limit"
        self.taken += size
        return b"x" * size


@pytest.mark.parametrize("declared", ["262145", "10485760", "9" * 30])
def test_a_body_declared_too_large_is_413_before_a_byte_is_read(
    url: str, declared: str, endpoint: WebhookEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request.META["CONTENT_LENGTH"] = declared
    stream = Endless()
    request._stream = stream
    assert webhook(request, url.rpartition("/")[2]).status_code == 413
    assert stream.taken == 0
    (record,) = caplog.records
    assert vars(record)["store"] == endpoint.store_id


def test_a_body_that_grows_too_large_is_413_and_not_read_further(url: str) -> None:
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    stream = Endless()
    request._stream = stream
    assert webhook(request, url.rpartition("/")[2]).status_code == 413
    assert stream.taken <= 256 * 1024 + 16 * 1024
    assert rows() == []


@pytest.mark.usefixtures("wsgi_and_asgi")
def test_the_largest_body_is_taken(url: str) -> None:
    payload = payload_of()
    payload["padding"] = ""
    size = 256 * 1024 - len(json.dumps(payload, separators=(",", ":")))
    payload["padding"] = "x" * size
    assert sign_v2(payload).post(url).status_code == 200
    payload["padding"] += "x"
    assert sign_v2(payload).post(url).status_code == 413


def test_a_body_that_breaks_off_is_401(url: str) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError

    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request._stream = Broken()
    assert webhook(request, url.rpartition("/")[2]).status_code == 401


def test_a_body_that_takes_too_long_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(views.time, "monotonic", lambda: float(next(clock)))
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request._stream = Endless()
    assert webhook(request, url.rpartition("/")[2]).status_code == 401
    assert request._stream.taken < 6 * 16 * 1024
