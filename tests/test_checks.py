"""What would fail later is told at start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.checks import run_checks

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.models import ApiToken
from tests.crypto.conftest import token

__all__ = ["token"]

# Django 6.1 opens the connection for its own field checks even when no database is named.
pytestmark = pytest.mark.django_db


def ids(**options: Any) -> list[str]:
    return [m.id for m in run_checks(**options) if m.id.startswith("pandabase")]


@pytest.mark.parametrize(
    ("pandabase", "expected"),
    [
        ({}, "pandabase.W002"),
        ({"ENCRYPTION_KEYS": ["nonsense"]}, "pandabase.E003"),
        ({"ENCRYPTION_KEYS": [generate_key()] * 2}, "pandabase.E003"),
        ({"ENCRYPTION_KEYS": "pbk1_x"}, "pandabase.E001"),
        ({"ENCRYPTON_KEYS": []}, "pandabase.E001"),
        ({"CONCURRENCY": "many"}, "pandabase.E001"),
        ({"CONCURRENCY": 0}, "pandabase.E001"),
        ({"API_URL": "http://api.pandabase.io"}, "pandabase.E004"),
    ],
)
def test_wrong_settings_are_told(settings: Any, pandabase: Any, expected: str) -> None:
    settings.PANDABASE = pandabase
    assert expected in ids()


def test_right_settings_are_silent(settings: Any, tmp_path: Path) -> None:
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}
    assert ids() == []


def test_times_without_a_time_zone_are_told(settings: Any) -> None:
    assert "pandabase.E010" not in ids()
    settings.USE_TZ = False
    assert "pandabase.E010" in ids()


def test_a_cache_of_one_process_is_told(settings: Any) -> None:
    assert ids() == ["pandabase.W006"]


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("amqp://localhost", {"confirm_publish": True}, True),
        ("amqps://one;amqps://two", {"confirm_publish": True, "write_timeout": 5}, True),
        (["pyamqp://one", "pyamqp://two"], {"confirm_publish": True}, True),
        ("amqp://localhost", {"confirm_publish": True, "read_timeout": 5}, False),
        ("amqp://localhost", {}, False),
        ("redis://localhost", {"confirm_publish": True}, False),
        ("", {"confirm_publish": True}, False),
    ],
)
def test_a_rabbitmq_that_may_hold_a_page_without_end_is_told(
    monkeypatch: pytest.MonkeyPatch, url: Any, options: dict[str, Any], told: bool
) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery takes it before the setting
    monkeypatch.setattr(current_app.conf, "broker_url", url)
    monkeypatch.setattr(current_app.conf, "broker_transport_options", options)
    assert ("pandabase.W027" in ids()) is told


def test_rows_whose_key_is_gone_are_told(token: ApiToken, settings: Any) -> None:
    assert "pandabase.E005" not in ids(databases=["default"])
    settings.PANDABASE = {"ENCRYPTION_KEYS": [generate_key()]}
    assert "pandabase.E005" in ids(databases=["default"])
