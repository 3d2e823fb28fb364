"""Installs a secret that was rolled in the dashboard."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.management.exits import Exit, PandabaseCommand, fail, read_secret
from pandabase_django.models import ApiToken
from pandabase_django.services.rotation import install_secret

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Exit code 3 when Pandabase refuses the secret; nothing is changed then."""

    help = (
        "Puts a secret in the place of a token's old one, after a signed request with it worked. "
        "It comes from standard input or PANDABASE_TOKEN_SECRET, never from the command line. "
        "Open rotations of the token are closed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--token", required=True, metavar="PK", help="Which token.")
        parser.add_argument(
            "--reason",
            default="Installed with pandabase_install_secret.",
            help="For the history.",
        )
        parser.add_argument(
            "--no-input",
            action="store_true",
            help="Ask no question; a secret that is piped in or set asks none either.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            token = ApiToken.objects.select_related("store").get(pk=options["token"])
        except (ApiToken.DoesNotExist, ValidationError):
            raise fail(f"There is no token {options['token']}.", code=Exit.USAGE) from None
        self.stderr.write(f"The new secret of {token}:")
        try:
            attempt = install_secret(token, secret=read_secret(), reason=options["reason"])
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise fail(error) from None
        self.stdout.write(f"{attempt.pk} {attempt.state}")
        self.stderr.write(f"Version {attempt.to_version} is in use: {attempt.outcome}")
