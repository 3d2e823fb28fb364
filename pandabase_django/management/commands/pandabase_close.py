"""Closes a month: proves the ledger's balance, and ties each entry to what was sold."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from django.core.management.base import CommandParser
from django.utils import translation

from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.models import Store
from pandabase_django.printable import csv_lines, printable
from pandabase_django.services.books.month import Month
from pandabase_django.services.books.reading import close_month
from pandabase_django.services.books.report import TITLES, as_json, as_rows, as_text
from pandabase_django.services.sync.runs import enabled_stores

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Exit code 4 when a month is DIFFERENT or INCOMPLETE."""

    help = (
        "Closes a month (UTC) from the rows that are here: EQUAL, DIFFERENT with each difference "
        "named, or INCOMPLETE with the reasons. Writes nothing and asks nobody."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", required=True, help="Such as 2026-10, in UTC.")
        parser.add_argument("--store", help="The id of a store; all enabled ones else.")
        parser.add_argument(
            "--format",
            choices=["text", "json", "csv"],
            default="text",
            help="The form of the result.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            month = Month.of_text(options["month"])
            stores = enabled_stores(options["store"])
        except ValueError as error:
            raise fail(str(error), code=Exit.USAGE) from None
        except Store.DoesNotExist:
            raise fail(f"There is no store {options['store']} here.", code=Exit.USAGE) from None
        if not stores:
            raise fail("There is no enabled store. Add a token first.", code=Exit.USAGE)
        # What a terminal and a file say is English, as with the other commands.
        with translation.override("en"):
            closings = [close_month(store, month) for store in stores]
            equal = all(closing.state == "EQUAL" for closing in closings)
            if options["format"] == "json":
                found = [as_json(closing) for closing in closings]
                self.stdout.write(json.dumps({"ok": equal, "closings": found}))
            elif options["format"] == "csv":
                rows = chain([TITLES], *(as_rows(closing) for closing in closings))
                for line in csv_lines(rows):
                    self.stdout.write(line, ending="")
            else:
                for closing in closings:
                    for line in as_text(closing).splitlines():
                        self.stdout.write(printable(line))
        if not equal:
            raise fail("Not every month was found equal.", code=Exit.PARTIAL)
