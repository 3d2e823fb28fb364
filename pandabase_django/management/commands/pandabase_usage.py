"""Send usage now, or compare what was sent with what Pandabase lists."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.management.exits import (
    Exit,
    PandabaseCommand,
    exit_code_of,
    fail,
    worst,
)
from pandabase_django.models import Store, Subscription
from pandabase_django.services.usage.comparison import UsageDifference, compare_usage
from pandabase_django.services.usage.flushed import usage_flushed_before
from pandabase_django.services.usage.sending import send_usage

__all__ = ["Command"]

COMPARED = timedelta(days=31)


class Command(PandabaseCommand):
    """Exit codes: 0 sent, or equal; 1 failed; 2 usage; 3 refused; 4 left, rejected or different."""

    help = "Sends recorded usage at once, or compares it with what Pandabase lists."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--store", help="This store alone; all enabled ones else.")
        parser.add_argument("--compare", action="store_true", help="Send nothing, and compare.")
        parser.add_argument(
            "--since", default="", help="From this date or time on; 31 days ago else."
        )
        parser.add_argument("--until", default="", help="Before this date or time; now else.")
        parser.add_argument("--subscription", default="", help="Compare this one alone.")

    def handle(self, *args: Any, **options: Any) -> None:
        stores = Store.objects.filter(enabled=True).order_by("pk")
        if options["store"]:
            stores = Store.objects.filter(pk=options["store"])
        owners = Subscription.objects.filter(pk=options["subscription"]).values("store")
        if owners:
            stores = stores.filter(pk__in=owners)  # the others do not know it
        if not stores:
            raise fail("There is no such store, or none in use.", code=Exit.USAGE)
        until = _moment(options["until"]) or timezone.now()
        since = _moment(options["since"]) or until - COMPARED
        if since >= until:
            raise fail("--since must be before --until.", code=Exit.USAGE)
        work = self._send
        if options["compare"]:
            work = partial(
                self._compare, since=since, until=until, subscription=options["subscription"]
            )
        errors: list[PandabaseError | ConfigurationError] = []
        well = True
        for store in stores:
            try:
                well = work(store) and well
            except (PandabaseError, ConfigurationError) as error:
                # Of this store; the others' usage is not to wait for it.
                self.stderr.write(f"{store.pk}: {error}")
                errors.append(error)
        if errors:
            raise fail(errors[0], code=worst(map(exit_code_of, errors)))
        if not well:
            sys.exit(Exit.PARTIAL)

    def _send(self, store: Store) -> bool:
        done = send_usage(store)
        self.stdout.write(
            f"{store.pk}: {done.sent} sent, {done.rejected} rejected, {done.left} left."
        )
        if done.trouble:
            self.stderr.write(done.trouble)
        return not (done.trouble or done.left) and usage_flushed_before(timezone.now(), store=store)

    def _compare(
        self, store: Store, *, since: datetime, until: datetime, subscription: str
    ) -> bool:
        found = compare_usage(store, since=since, until=until, subscription_id=subscription)
        number = 0
        for difference in found:
            number += 1
            self.stdout.write(_sentence(difference))
        verdict = "EQUAL" if not number else f"DIFFERENT ({number})"
        self.stdout.write(f"{store.pk}: {verdict}")
        return not number


def _sentence(difference: UsageDifference) -> str:
    return (
        f"{difference.kind}: {difference.subscription_id} {difference.external_id} "
        f"here {difference.here}, there {difference.there}"
    )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text)
        day = None if found else parse_date(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime.combine(day, time())
    if found is None:
        raise fail(f"{text!r} is neither a date nor a time.", code=Exit.USAGE)
    if not 1970 < found.year < 9000:  # so that it can be reckoned with, in any time zone
        raise fail(f"{text!r} is too far away.", code=Exit.USAGE)
    return timezone.make_aware(found) if timezone.is_naive(found) else found
