"""Everything about one person: exported, erased, or let in again."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from pandabase_django.exceptions import SealError
from pandabase_django.management.exits import Exit, PandabaseCommand, encoding_of, fail
from pandabase_django.models import Erasure, Store
from pandabase_django.services.people.erasing import erase_person, lift_erasure, open_erasures
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.people.finding import find_person, similar_addresses

__all__ = ["Command"]

MANY = 5_000


class Command(PandabaseCommand):
    """Exit code 4 when nothing of the person is here."""

    help = (
        "Exports or erases everything about one person, in all stores or in one. An erased person "
        "does not come back by a sync, a webhook or a replay. Pandabase's own data is not touched."
    )

    _said: dict[str, int]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="The address; - reads it from stdin.")
        parser.add_argument("--store", help="The id of a store; all of them else.")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--export", action="store_true", help="Print all of it as JSON.")
        what.add_argument("--erase", action="store_true", help="Empty it, and remember that.")
        what.add_argument("--lift", action="store_true", help="Mirror the person again.")
        parser.add_argument("--no-input", action="store_true", help="Erase without asking.")

    def handle(self, *args: Any, **options: Any) -> None:
        self._said = {}
        address = options["email"]
        if address == "-":
            address = sys.stdin.readline().strip()
        stores = list(Store.objects.filter(pk=options["store"]) if options["store"] else _all())
        if not stores:
            raise fail("There is no such store here.", code=Exit.USAGE)
        try:
            if options["export"]:
                if not encoding_of(self.stdout).lower().startswith("utf"):
                    text = "An export needs UTF-8 to be whole: set PYTHONIOENCODING=utf-8."
                    raise fail(text, code=Exit.USAGE)
                for text in export_texts(stores, address):
                    self.stdout.write(text, ending="")
            elif options["lift"]:
                self._lift(stores, address)
            else:
                self._erase(stores, address, options)
        except ValueError as error:
            raise fail(str(error), code=Exit.USAGE) from None
        except SealError as error:
            raise fail(error) from None

    def _erase(self, stores: list[Store], address: str, options: dict[str, Any]) -> None:
        """Without ``--erase``: only say what there is."""
        people = [find_person(store, address) for store in stores]
        for person in people:
            self.stdout.write(f"{person.store.pk}: {_counted(person.counts)}")
        for other in similar_addresses(stores, address):
            self.stderr.write(f"Similar, and not included: {other}")
        if not options["erase"]:
            if not any(person.counts for person in people):
                raise fail("Nothing of this person is here.", code=Exit.PARTIAL)
            return
        if not options["no_input"]:
            try:
                answer = input("Erase this person for good? Type yes: ")
            except EOFError:
                raise fail("Give --no-input where nobody can answer.", code=Exit.USAGE) from None
            if answer.strip() != "yes":
                raise fail("Nothing was erased.", code=Exit.PARTIAL)
        for store in stores:
            erasure = erase_person(
                store,
                address,
                source=Erasure.Source.COMMAND,
                on_progress=lambda kind, rows: self._progress(kind, rows, options),
            )
            self.stdout.write(f"{store.pk}: erasure {erasure.pk}: {_counted(erasure.counts)}")

    def _lift(self, stores: list[Store], address: str) -> None:
        waiting = [one for store in stores for one in open_erasures(store, address)]
        gone = sum(lift_erasure(store, address) for store in stores)
        if not (gone or waiting):
            raise fail("Nobody with this address was erased.", code=Exit.PARTIAL)
        self.stdout.write(
            "The erasure is lifted. `pandabase_sync --full` brings the orders from Pandabase, "
            "and `--resource customers --resource subscriptions --resource licenses` the rest."
        )

    def _progress(self, kind: str, rows: int, options: dict[str, Any]) -> None:
        """Each kind, and of many rows each some; with a higher verbosity each transaction."""
        often = options["verbosity"] > 1
        if rows and options["verbosity"] and (often or rows - self._said.get(kind, 0) >= MANY):
            self._said[kind] = rows
            self.stderr.write(f"{kind}: {rows}")


def _all() -> Any:
    return Store.objects.order_by("pk")


def _counted(counts: dict[str, int]) -> str:
    return json.dumps(counts) if counts else "nothing"
