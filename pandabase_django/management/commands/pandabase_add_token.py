"""Adds an API token from a script or a terminal."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from pandabase_django.api.permissions import KNOWN_PERMISSIONS
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.management.exits import PandabaseCommand, fail, read_secret
from pandabase_django.printable import printable
from pandabase_django.services.tokens.connection import activate_token, add_token

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Tests a credential and keeps it; prints the token's primary key."""

    help = (
        "Adds an API token. The secret comes from standard input or PANDABASE_TOKEN_SECRET, never "
        "from the command line. A credential that the remote refuses is not saved (exit code 3)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", required=True, metavar="shp_…", help="The store's id.")
        parser.add_argument(
            "--mode",
            required=True,
            type=str.lower,
            choices=["hmac", "bearer"],
            help="How requests are signed.",
        )
        parser.add_argument(
            "--token-id",
            default="",
            metavar="stk_…",
            help="The token's id: HMAC and rotation need it.",
        )
        parser.add_argument("--name", default="", help="A name for people.")
        parser.add_argument(
            "--permissions", default="", metavar="A,B", help="What the token is said to be allowed."
        )
        parser.add_argument(
            "--base-url", default="", help="Another address, such as a sandbox's; API_URL else."
        )
        parser.add_argument(
            "--activate",
            action="store_true",
            help="Call the store with it from now on. A store's first token is active anyhow.",
        )
        parser.add_argument("--no-test", action="store_true", help="Send nothing now.")

    def handle(self, *args: Any, **options: Any) -> None:
        secret = read_secret()
        permissions = [code for part in options["permissions"].split(",") if (code := part.strip())]
        try:
            token = add_token(
                store_id=options["store"],
                mode=options["mode"],
                secret=secret,
                token_id=options["token_id"],
                name=options["name"],
                permissions=permissions,
                base_url=options["base_url"],
                test=not options["no_test"],
            )
            if options["activate"]:
                activate_token(token)
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise fail(error) from None
        for code in permissions:
            if code not in KNOWN_PERMISSIONS:
                self.stderr.write(
                    f"Is {printable(code)} spelt right? This version does not know it."
                )
        role = token.get_role_display().lower()
        mark = token.store.get_mark_display() or "neither live nor test"
        self.stderr.write(f"Added as {role} token of {token.store_id}, marked as {mark.lower()}.")
        self.stdout.write(str(token.pk))
