"""Skipping what a machine can't run, except where it must run."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

__all__ = ["skip"]


def skip(what: str, *, reason: str) -> NoReturn:
    """Skip and say why; fail where PANDABASE_MUST_RUN names it, as CI does."""
    if what in os.environ.get("PANDABASE_MUST_RUN", "").split():
        pytest.fail(f"The tests of {what} must run here, but: {reason}")
    pytest.skip(reason)
