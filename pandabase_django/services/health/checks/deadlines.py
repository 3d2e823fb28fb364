"""What has to be done before a time: disputes to answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import Dispute
from pandabase_django.services.actions.subjects.deadlines import (
    EVIDENCE_WINDOW,
    GRACE,
)
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.texts.times import time_text

__all__ = ["disputes_are_answered"]

# Then a person who looks once a working day has one look left.
URGENT = timedelta(days=2)


def disputes_are_answered(situation: Situation) -> Iterator[Finding]:
    """Disputes that await evidence and can still be answered (Source: P-47)."""
    began = situation.now - EVIDENCE_WINDOW - GRACE
    waiting = Dispute.objects.live().filter(
        situation.rows(),
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
                "store": situation.name_of(store_id),
                "time": time_text(due),
            },
            fix=_("Submit evidence on its page. An unanswered dispute is lost."),
            url_name="pandabase_dispute_change",
            url_args=(oldest,),
            store_id=store_id,
        )
