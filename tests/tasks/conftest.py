"""What tests of tasks look at: the messages that wait in the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def waiting_messages(broker: Any) -> Callable[[], list[Any]]:
    """Takes every message that waits."""

    def read() -> list[Any]:
        found = []
        while (message := broker()) is not None:
            found.append(message)
        return found

    return read
