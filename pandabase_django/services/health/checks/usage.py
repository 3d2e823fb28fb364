"""Findings on usage: rejected, or waiting though it is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import UsageRecord
from pandabase_django.services.health.counted import Counted, of_counts
from pandabase_django.services.health.findings import Finding, Level, Situation

__all__ = ["usage_is_sent"]

WAITING_TOO_LONG = timedelta(minutes=15)

State = UsageRecord.State


def usage_is_sent(situation: Situation) -> Iterator[Finding]:
    """Rejected usage, and usage that waits longer than a killed worker's claim."""
    late = situation.now - WAITING_TOO_LONG
    waiting = Q(state=State.PENDING, due_at__lt=late) | Q(
        state=State.SENDING, claimed_until__lt=situation.now
    )
    # What is held back waits for no worker; the deployment's finding says so.
    waiting &= ~situation.rows(of=situation.held_back)
    counted = (
        # Each side by an index of its own, which few rows are in.
        UsageRecord.objects.filter(situation.rows(), Q(state=State.REJECTED) | waiting)
        .values("store_id")
        .annotate(
            rejected=Count("pk", filter=Q(state=State.REJECTED)), stuck=Count("pk", filter=waiting)
        )
        .order_by("store_id")
    )
    for row in counted:
        counts = (
            Counted(
                "usage_rejected",
                Level.ERROR,
                row["rejected"],
                ngettext(
                    "%(number)s usage record of %(store)s was rejected, and is not billed.",
                    "%(number)s usage records of %(store)s were rejected, and are not billed.",
                    row["rejected"],
                ),
                _("The list shows why. Correct them, send them again, or drop them."),
            ),
            Counted(
                "usage_waiting",
                Level.ERROR,
                row["stuck"],
                ngettext(
                    "%(number)s usage record of %(store)s waits to be sent though it is due.",
                    "%(number)s usage records of %(store)s wait to be sent though they are due.",
                    row["stuck"],
                ),
                _(
                    "See that beat and a worker run, and that the token may write usage. What "
                    "is not sent before its period ends is rejected."
                ),
            ),
        )
        yield from of_counts(
            situation, row["store_id"], counts, url_name="pandabase_usagerecord_changelist"
        )
