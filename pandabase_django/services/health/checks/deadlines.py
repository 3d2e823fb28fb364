"""What has to be done before a time: disputes to answer, and money to give back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import Dispute, Purchase
from pandabase_django.services.actions.subjects.deadlines import (
    EVIDENCE_WINDOW,
    GRACE,
    REFUND_WINDOW,
)
from pandabase_django.services.health.checks.purchases import MISMATCHED
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.texts.times import time_text

__all__ = ["disputes_are_answered", "refunds_are_in_time"]

# Then a person who looks once a working day has one look left.
URGENT = timedelta(days=2)
REFUND_SOON = timedelta(days=7)


def disputes_are_answered(situation: Situation) -> Iterator[Finding]:
    """Disputes that await evidence and can still be answered (Source: P-47)."""
    began = situation.now - EVIDENCE_WINDOW - GRACE
    waiting = Dispute.objects.live().filter(
        store__in=[store.pk for store in situation.stores],
        status="AWAITING_REVIEW",
        created_at__gt=began,
    )
    by_store: dict[str, list[tuple[str, datetime]]] = {}
    for store_id, pk, created_at in waiting.order_by("store", "created_at", "pk").values_list(
        "store_id", "pk", "created_at"
    ):
        if created_at is not None:
            by_store.setdefault(store_id, []).append((pk, created_at))
    for store_id, disputes in by_store.items():
        oldest, opened_at = disputes[0]
        due = opened_at + EVIDENCE_WINDOW
        yield Finding(
            code="dispute_evidence_due",
            level=Level.ERROR if due - situation.now < URGENT else Level.WARNING,
            sentence=ngettext(
                "%(number)s dispute of %(store)s awaits evidence, until %(time)s.",
                "%(number)s disputes of %(store)s await evidence, the first until %(time)s.",
                len(disputes),
            )
            % {
                "number": len(disputes),
                "store": store_id,
                "time": time_text(due),
            },
            fix=_("Submit evidence on its page. An unanswered dispute is lost."),
            url_name="pandabase_dispute_change",
            url_args=(oldest,),
            store_id=store_id,
        )


def refunds_are_in_time(situation: Situation) -> Iterator[Finding]:
    """Orders that paid for something else, and soon can't be refunded any more (Source: P-46)."""
    last = situation.now - REFUND_WINDOW
    rows = Purchase.objects.filter(
        MISMATCHED,
        store__in=[store.pk for store in situation.stores],
        order__created_at__gt=last,
        order__created_at__lt=last + REFUND_SOON,
    )
    counted = rows.values("store_id").annotate(number=Count("pk"), first=Min("order__created_at"))
    for row in counted.order_by("store_id"):
        until = row["first"] + REFUND_WINDOW
        yield Finding(
            code="refund_window_ends",
            level=Level.WARNING,
            sentence=ngettext(
                "%(number)s order of %(store)s was paid otherwise than asked, and can be refunded "
                "only until %(time)s.",
                "%(number)s orders of %(store)s were paid otherwise than asked; the first can be "
                "refunded only until %(time)s.",
                row["number"],
            )
            % {
                "number": row["number"],
                "store": row["store_id"],
                "time": time_text(until),
            },
            fix=_("Refund it, or accept it by hand."),
            url_name="pandabase_purchase_changelist",
            store_id=row["store_id"],
        )
