"""Whether persons who are to be erased are erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from pandabase_django.models import Erasure
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.people.queue import SOON

__all__ = ["erasures_are_finished"]

UNFINISHED_AFTER = timedelta(minutes=10)
# Whoever works on it: workers may be killed again and again, each with its claim.
LASTS_TOO_LONG = timedelta(hours=6)
MOST_FINDINGS = 20


def erasures_are_finished(situation: Situation) -> Iterator[Finding]:
    """Erasures that nobody carries out, or that do not come to an end."""
    idle = Q(next_attempt_at=None) | Q(next_attempt_at__lt=situation.now + SOON)
    long = Q(begun_at__lt=situation.now - LASTS_TOO_LONG)
    rows = Erasure.objects.filter(
        situation.rows(),
        idle | long,
        finished_at=None,
        begun_at__lt=situation.now - UNFINISHED_AFTER,
    )
    for erasure in rows.order_by("pk")[:MOST_FINDINGS]:
        again = _("Erase the person again: nobody knows here who it was.")
        wait = _("See that a worker and beat run, and that the encryption key is the right one.")
        yield Finding(
            code="erasure_unfinished",
            level=Level.ERROR,
            sentence=_("A person is not erased completely: erasure %(number)s.")
            % {"number": erasure.pk},
            fix=again if erasure.address is None else wait,
            url_name="pandabase_erasure_change",
            url_args=(str(erasure.pk),),
            store_id=erasure.store_id,
        )
