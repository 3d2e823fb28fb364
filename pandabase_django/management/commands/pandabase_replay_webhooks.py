"""Handles webhook deliveries again: dead letters, or those that are named."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.models import Store, WebhookDelivery
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery

__all__ = ["Command"]


class Command(PandabaseCommand):
    """Exit code 4 when some of them failed again."""

    help = (
        "Works webhook deliveries off again, in this process. Without options: every dead letter. "
        "Handlers that are through with an event are not called again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", help="Dead letters of this store alone.")
        parser.add_argument(
            "--event-id", action="append", default=[], help="These, whatever became of them."
        )
        parser.add_argument(
            "--enqueue", action="store_true", help="Leave the work to a Celery worker."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only show which.")
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="The form of the result."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = self._wanted(options["event_id"], store_id=options["store"])
        if options["dry_run"]:
            self._tell(options["format"], chosen=len(wanted))
            return
        ids = queue.replay(wanted)
        if options["enqueue"]:
            self._enqueue(ids, form=options["format"])
            return
        failed = 0
        for number, delivery_id in enumerate(ids, start=1):
            done = process_delivery(delivery_id)
            failed += done.failed + done.dead
            if number % 100 == 0:
                self.stderr.write(f"{number} of {len(ids)}")
        self._tell(options["format"], chosen=len(wanted), failed=failed)
        if failed:
            raise fail(f"{failed} failed again; the deliveries say why.", code=Exit.PARTIAL)

    def _wanted(self, event_ids: list[str], *, store_id: str) -> list[int]:
        if not event_ids:
            if store_id and not Store.objects.filter(pk=store_id).exists():
                raise fail(f"There is no store {store_id} here.", code=Exit.USAGE)
            return queue.dead_letters(store_id=store_id)
        rows = WebhookDelivery.objects.filter(event_id__in=event_ids)
        if store_id:
            rows = rows.filter(endpoint__store_id=store_id)
        found = dict(rows.values_list("pk", "event_id"))
        if missing := set(event_ids) - set(found.values()):
            raise fail(f"There is no delivery of {', '.join(sorted(missing))}.", code=Exit.USAGE)
        return sorted(found)

    def _enqueue(self, ids: list[int], *, form: str) -> None:
        from pandabase_django.tasks import enqueue_deliveries

        taken = enqueue_deliveries(ids)
        self._tell(form, chosen=len(ids), enqueued=taken)
        if taken < len(ids):
            raise fail("The broker refused; the sweeper enqueues the rest.", code=Exit.PARTIAL)

    def _tell(self, form: str, **numbers: int) -> None:
        if form == "json":
            self.stdout.write(json.dumps(numbers))
        else:
            self.stdout.write(", ".join(f"{number} {name}" for name, number in numbers.items()))
