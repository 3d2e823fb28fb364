"""A deployment that only reads, or that is called otherwise than the one its tokens are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox

__all__ = ["deploy", "writes"]


@pytest.fixture
def deploy(settings: Any) -> Callable[..., None]:
    """Restart with other settings, such as ``READ_ONLY=True``."""

    def restart(**changed: Any) -> None:
        settings.PANDABASE = {**settings.PANDABASE, **changed}

    return restart


def writes(sandbox: Sandbox) -> list[str]:
    """What reached the remote and was no GET."""
    return [one["path"] for one in sandbox.requests() if one["method"] != "GET"]
