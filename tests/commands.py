"""Management commands, as a script gets them."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command

__all__ = ["pandabase_sync"]


def pandabase_sync(*arguments: str) -> tuple[int, str]:
    """Its exit code, and what stands on stdout."""
    out = io.StringIO()
    try:
        call_command("pandabase_sync", *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()
