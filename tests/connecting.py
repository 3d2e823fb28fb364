"""A shop's token of a sandbox, added as its owner would."""

from __future__ import annotations

from pandabase_django.testing.connection import connect

__all__ = ["connect"]
