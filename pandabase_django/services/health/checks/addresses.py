"""Calls from addresses never seen before; see ``pandabase_django.services.health.report``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.models import RequestLog
from pandabase_django.services.health.findings import Finding, Level, Situation

__all__ = ["addresses_are_known"]

TOLD_FOR = timedelta(days=7)


def addresses_are_known(situation: Situation) -> Iterator[Finding]:
    """Stores whose request log shows calls of the last week from a new address."""
    counted = (
        RequestLog.objects.filter(
            situation.rows(),
            ip_is_new=True,
            logged_at__gt=situation.now - TOLD_FOR,
        )
        .order_by("store_id")
        .values("store_id")
        .annotate(calls=Count("pk"), addresses=Count("ip", distinct=True))
    )
    for row in counted:
        yield Finding(
            code="address_new",
            level=Level.WARNING,
            sentence=ngettext(
                "%(store)s was called from %(addresses)d address never seen before "
                "(%(calls)d calls in a week).",
                "%(store)s was called from %(addresses)d addresses never seen before "
                "(%(calls)d calls in a week).",
                row["addresses"],
            )
            % {
                "store": situation.name_of(row["store_id"]),
                "addresses": row["addresses"],
                "calls": row["calls"],
            },
            fix=_("Look at the request log; if an address is not yours, rotate the secret."),
            url_name="pandabase_requestlog_changelist",
            store_id=row["store_id"],
        )
