"""Findings on what was sold: paid otherwise than asked, or not handed out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import Purchase
from pandabase_django.services.actions.subjects.deadlines import REFUND_WINDOW
from pandabase_django.services.attempts.waiting import (
    FAILING,
    FAILING_LONG,
    error_of,
    newest_error,
)
from pandabase_django.services.health.counted import Counted, of_counts
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.texts.times import time_text

__all__ = ["purchases_are_handed_out"]

WAITING_TOO_LONG = timedelta(minutes=10)
REFUND_SOON = timedelta(days=7)

# One that was refunded, or never paid, is no matter for a person any more.
MISMATCHED = Q(
    verdict=Purchase.Verdict.MISMATCH, order__status="COMPLETED", order__gone_at__isnull=True
)


def purchases_are_handed_out(situation: Situation) -> Iterator[Finding]:
    """Mismatches and how long they can be refunded (Source: P-46); what was given up, or waits."""
    State = Purchase.State
    late = situation.now - WAITING_TOO_LONG
    last = situation.now - REFUND_WINDOW
    ending = MISMATCHED & Q(order__created_at__gt=last, order__created_at__lt=last + REFUND_SOON)
    counted = (
        Purchase.objects.filter(
            situation.rows(),
            Q(verdict=Purchase.Verdict.MISMATCH) | Q(state__in=[State.DEAD, State.PENDING]),
        )
        .values("store_id")
        .annotate(
            mismatches=Count("pk", filter=MISMATCHED),
            dead=Count("pk", filter=Q(state=State.DEAD)),
            failing=Count("pk", filter=FAILING),
            failing_long=Count("pk", filter=FAILING_LONG),
            newest=newest_error(FAILING | Q(state=State.DEAD)),
            waiting=Count("pk", filter=Q(state=State.PENDING, next_attempt_at__lt=late)),
            ending=Count("pk", filter=ending),
            first_ending=Min("order__created_at", filter=ending),
        )
        .order_by("store_id")
    )
    for row in counted:
        counts = (
            Counted(
                "purchase_mismatch",
                Level.WARNING,
                row["mismatches"],
                ngettext(
                    "%(number)s order of %(store)s did not pay for what its checkout asked, and "
                    "was not handed out.",
                    "%(number)s orders of %(store)s did not pay for what their checkouts asked, "
                    "and were not handed out.",
                    row["mismatches"],
                ),
                _("Its page shows what differs. Refund the order, or accept it by hand."),
            ),
            Counted(
                "purchase_dead",
                Level.ERROR,
                row["dead"],
                ngettext(
                    "%(number)s purchase of %(store)s was paid, and its handlers were given up: "
                    "%(why)s",
                    "%(number)s purchases of %(store)s were paid, and their handlers were given "
                    "up: %(why)s",
                    row["dead"],
                ),
                _("Correct what the error names, then have the handlers called again."),
            ),
            Counted(
                "purchase_failing",
                Level.ERROR if row["failing_long"] else Level.WARNING,
                row["failing"],
                ngettext(
                    "A handler failed twice or more for %(number)s purchase of %(store)s: %(why)s",
                    "Handlers failed twice or more for %(number)s purchases of %(store)s: %(why)s",
                    row["failing"],
                ),
                _("Correct what the error names. Handlers are called again by themselves."),
            ),
            Counted(
                "purchase_waiting",
                Level.WARNING,
                row["waiting"],
                ngettext(
                    "%(number)s purchase of %(store)s waits for its handlers though it is due.",
                    "%(number)s purchases of %(store)s wait for their handlers though they are "
                    "due.",
                    row["waiting"],
                ),
                _("See that beat and enough workers run."),
            ),
            Counted(
                "refund_window_ends",
                Level.WARNING,
                row["ending"],
                ngettext(
                    "%(number)s order of %(store)s was paid otherwise than asked, and can be "
                    "refunded only until %(time)s.",
                    "%(number)s orders of %(store)s were paid otherwise than asked; the first can "
                    "be refunded only until %(time)s.",
                    row["ending"],
                ),
                _("Refund it, or accept it by hand."),
            ),
        )
        yield from of_counts(
            situation,
            row["store_id"],
            counts,
            url_name="pandabase_purchase_changelist",
            why=error_of(row["newest"]),
            time=time_text(row["first_ending"] and row["first_ending"] + REFUND_WINDOW),
        )
