"""Prints a new encryption key."""

from __future__ import annotations

from typing import Any

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.management.exits import PandabaseCommand

__all__ = ["Command"]


class Command(PandabaseCommand):
    """The key alone on stdout, so that it can be piped into a secret store."""

    help = 'Prints a new key for PANDABASE["ENCRYPTION_KEYS"].'
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(generate_key())
