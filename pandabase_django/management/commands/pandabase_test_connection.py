"""Tests credentials with one signed GET each."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.models import ApiToken, Store
from pandabase_django.services.tokens.connection import test_connection
from pandabase_django.services.tokens.holding import advice_to_confirm

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Exit code 3 when a credential is refused, 1 when the remote can't be asked."""

    help = "Sends one signed GET with each token that is not retired, or with the one named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--token", default="", metavar="PK", help="This token alone.")
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="The form of the result."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = ApiToken.objects.usable()
        if options["token"]:
            try:
                tokens = ApiToken.objects.filter(pk=options["token"])
            except ValidationError:
                tokens = ApiToken.objects.none()
        found = list(tokens.select_related("store").order_by("store_id", "name"))
        if not found:
            why = (
                "There is no such token." if options["token"] else "There is no token yet. Add one."
            )
            raise fail(why, code=Exit.USAGE)
        reports = [(token, test_connection(token)) for token in found]
        if options["format"] == "json":
            self.stdout.write(
                json.dumps(
                    [
                        {
                            "token": str(token.pk),
                            "name": token.name,
                            "store": token.store_id,
                            "mark": token.store.mark,
                            "ok": report.ok,
                            "message": report.message,
                            "status": report.status,
                            "request_id": report.request_id,
                            "milliseconds": report.milliseconds,
                        }
                        for token, report in reports
                    ]
                )
            )
        else:
            for token, report in reports:
                word = "ok" if report.ok else "FAILED"
                # Of a test, the store's name says it.
                kind = ", live" if token.store.mark == Store.Mark.LIVE else ""
                self.stdout.write(
                    f"{word}: {token}{kind}: {report.message} ({report.milliseconds} ms)"
                )
        refused = [report for _, report in reports if report.refused]
        if refused:
            raise fail("A credential was refused.", code=Exit.AUTHENTICATION)
        if not all(report.ok or report.held for _, report in reports):
            raise fail(
                "A connection failed. The token's page in the admin has a connection report."
            )
        if any(report.held for _, report in reports):
            raise fail(f"A token is of another environment. {advice_to_confirm()}")
