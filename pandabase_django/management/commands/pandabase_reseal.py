"""Moves every stored secret to the first encryption key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.reseal import reseal, stored_key_ids
from pandabase_django.exceptions import ConfigurationError, SealError
from pandabase_django.management.exits import PandabaseCommand, fail

__all__ = ["Command"]

PROGRESS_EVERY = 100


class Command(PandabaseCommand):
    """Exit code 1 while anything is sealed with another key than the first."""

    help = (
        "Seals every stored secret with the first of the encryption keys. It may be interrupted, "
        "and run while the shop works."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only show which keys are in use.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["check"]:
                self._reseal()
            self._tell_keys()
        except (SealError, ConfigurationError) as error:
            raise fail(error) from None

    def _reseal(self) -> None:
        done = 0

        def progress() -> None:
            nonlocal done
            done += 1
            if done % PROGRESS_EVERY == 0:
                self.stderr.write(f"{done} rows")

        report = reseal(on_row=progress)
        self.stdout.write(
            f"{report.resealed} resealed, {report.current} were current, "
            f"{report.overtaken} replaced meanwhile, {len(report.failed)} failed."
        )
        for model, pk, reason in report.failed:
            self.stderr.write(f"{model} {pk}: {reason}")

    def _tell_keys(self) -> None:
        keyring = current_keyring()
        counts = stored_key_ids()
        for place, key_id in enumerate(keyring.key_ids, start=1):
            note = "" if counts[key_id] or place == 1 else " and can be removed"
            self.stdout.write(f"Key {place} ({key_id}) seals {counts[key_id]} secrets{note}.")
        strange = {key for key in counts if key not in keyring.key_ids}
        for key_id in sorted(strange):
            name = f"Key {key_id}, which is not configured," if key_id else "No key at all"
            self.stdout.write(f"{name} seals {counts[key_id]} secrets.")
        if any(key != keyring.primary_key_id for key in counts):
            raise fail("Not every secret is sealed with the first key.")
