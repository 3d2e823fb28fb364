"""Entries of the request log are read whatever the remote calls their parts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from pandabase_django.api.masking import mask, without_credentials
from pandabase_django.api.schemas.request_logs import RequestLogEntry
from pandabase_django.exceptions import ProtocolError

AT = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=timezone.utc)
SIGNATURE = "ab" * 32


@pytest.mark.fact(18)
@pytest.mark.parametrize(
    "data",
    [
        {
            "id": "log_1",
            "method": "GET",
            "path": "/v2/x",
            "statusCode": 200,
            "responseTime": 12,
            "ipAddress": "203.0.113.7",
            "createdAt": "2026-11-24T12:00:00.250Z",
        },
        {
            "request_id": "log_1",
            "http_method": "GET",
            "url": "/v2/x",
            "status_code": "200",
            "response_time_ms": 12.0,
            "client_ip": " 203.0.113.7 ",
            "timestamp": 1795521600250,
        },
        {
            "logId": "log_1",
            "request": {"method": "GET", "path": "/v2/x", "ip": "203.0.113.7"},
            "response": {"status": 200, "duration": "12ms"},
            "Time": 1795521600.25,
        },
    ],
)
def test_an_entry_is_read_under_any_likely_name(data: dict[str, Any]) -> None:
    entry = RequestLogEntry.from_json(data)
    assert (entry.id, entry.method, entry.path) == ("log_1", "GET", "/v2/x")
    assert (entry.status_code, entry.duration_ms, entry.ip) == (200, 12.0, "203.0.113.7")
    assert (entry.logged_at, entry.warnings) == (AT, ())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": None, "method": ["GET"], "status": "OK", "time": "yesterday"},
        {"id": "x" * 500, "statusCode": 10**30, "duration": "fast", "createdAt": 1e300},
        {"id": True, "statusCode": -1, "duration": float("inf"), "timestamp": "9" * 5000},
        {"request": "GET /", "response": [], "duration": -5, "code": "9" * 5000},
    ],
)
def test_what_does_not_fit_is_left_empty_and_kept_in_the_payload(data: dict[str, Any]) -> None:
    entry = RequestLogEntry.from_json(data)
    assert (entry.id, entry.status_code, entry.duration_ms, entry.logged_at) == (None,) * 4
    assert entry.payload == data


def test_an_entry_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProtocolError):
        RequestLogEntry.from_json("GET /")


def test_one_address_has_one_spelling() -> None:
    spellings = ["2001:DB8::1", "2001:db8:0:0:0:0:0:1"]
    assert len({RequestLogEntry.from_json({"ip": ip}).ip for ip in spellings}) == 1
    assert RequestLogEntry.from_json({"ip": "unknown, " * 50}).ip == ("unknown, " * 50)[:64]


def test_no_credential_passes() -> None:
    entry = RequestLogEntry.from_json(
        {
            "id": "log_1",
            "path": "/v2/x?key=sk_live_abc-DEF_1",
            "request": {
                "headers": {"Authorization": "Bearer stk_1", "x-signature": SIGNATURE},
                "body": [{"api_key": "12345", "note": f"sig {SIGNATURE}"}],
            },
            "sk_live_as_a_key": 1,
            "cookies": {"session": "abc"},
            "tokenId": "stk_9",
        }
    )
    text = repr(entry) + repr(entry.payload)
    for secret in ("sk_live", SIGNATURE, "Bearer", "12345", "abc"):
        assert secret not in text
    assert entry.payload["tokenId"] == "stk_9"
    assert mask("a sk_x b") == "a •••• b"
    assert without_credentials([None, 1, {"secret": None}]) == [None, 1, {"secret": None}]


def test_a_secret_is_masked_whole_and_words_that_look_like_one_are_not() -> None:
    assert mask("sent sk_live_a.b~c+d/e= twice") == "sent •••• twice"
    assert mask("signed by whk_secret_abcdef1234567890.") == "signed by ••••."
    assert mask('{"task_id": 1, "risk_score": 2}') == '{"task_id": 1, "risk_score": 2}'
