"""What this deployment must not send, though the remote would take it."""

from __future__ import annotations

from pandabase_django.exceptions.base import PandabaseError

__all__ = ["HeldBack", "OtherEnvironment", "ReadOnly"]


class HeldBack(PandabaseError):
    """Nothing was sent: this deployment must not. What waits goes on waiting."""


class ReadOnly(HeldBack):
    """``PANDABASE["READ_ONLY"]`` is set, and the request would change something."""


class OtherEnvironment(HeldBack):
    """The token, or its store, belongs to another environment, and is not used in this one."""
