"""What tests of tasks look at: the messages that wait in the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.api.wire import transport


@pytest.fixture
def waiting_messages(broker: Any) -> Callable[[], list[Any]]:
    """Takes every message that waits."""

    def read() -> list[Any]:
        found = []
        while (message := broker()) is not None:
            found.append(message)
        return found

    return read


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried as often as ever, with hardly a pause."""
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.002)
