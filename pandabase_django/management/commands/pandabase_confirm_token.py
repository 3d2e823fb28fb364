"""Confirms tokens of another environment for this one."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from pandabase_django.conf import conf
from pandabase_django.exceptions import OtherEnvironment, StateConflict
from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.holding import confirm_token, is_foreign, refuse_foreign

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Exit codes: 0 confirmed, or nothing to confirm; 1 failed; 2 usage."""

    help = (
        "Lets tokens be used in this environment that were added in another one. Never in a copy "
        "of a shop: what waits there for the token would be done a second time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--token", default="", metavar="PK", help="This token alone.")
        which.add_argument("--store", metavar="shp_…", help="All tokens of a store.")
        which.add_argument("--all", action="store_true", help="All tokens there are.")
        parser.add_argument("--no-input", action="store_true", help="Ask nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        foreign = [token for token in _tokens(options) if is_foreign(token)]
        if not foreign:
            self.stderr.write("There is nothing to confirm.")
            return
        for token in foreign:
            try:
                refuse_foreign(token)
            except OtherEnvironment as error:
                self.stderr.write(f"{token.store_id}: {error}")
        if not options["no_input"]:
            self._ask()
        for token in foreign:
            try:
                confirm_token(token)
            except StateConflict as error:
                raise fail(error) from None
            self.stdout.write(str(token.pk))

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise fail("Give --no-input where nobody can answer.", code=Exit.USAGE)
        name = conf.environment or "yes"
        if input(f"Type {name} to use them here: ").strip() != name:
            raise fail("Nothing was confirmed.")


def _tokens(options: dict[str, Any]) -> list[ApiToken]:
    tokens = ApiToken.objects.usable().select_related("store").order_by("store_id", "name")
    if options["token"]:
        try:
            tokens = tokens.filter(pk=options["token"])
        except ValidationError:
            tokens = tokens.none()
    elif options["store"]:
        tokens = tokens.filter(store=options["store"])
    found = list(tokens)
    if not found and not options["all"]:
        raise fail("There is no such token in use.", code=Exit.USAGE)
    return found
