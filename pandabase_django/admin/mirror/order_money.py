"""The refunds and disputes of an order, for its page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.display import badge, money
from pandabase_django.admin.base.links import change_url, model_name_of
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.mirror.money import TONES
from pandabase_django.models import Dispute, Order, Refund

__all__ = ["ShownMove", "moves_of"]


@dataclass(frozen=True, slots=True)
class ShownMove:
    """A refund or dispute in the table of its order."""

    kind: str
    id: str
    url: str
    state: str
    reason: str
    amount: str
    created_at: datetime | None


def moves_of(site: admin.AdminSite, request: HttpRequest, order: Order) -> list[ShownMove]:
    """Those that this person may see."""
    return [
        ShownMove(
            kind=str(row._meta.verbose_name).capitalize(),
            id=row.pk,
            url=change_url(site, model_name_of(row), row.pk),
            state=badge(row.status, tone=TONES.get(row.status, "quiet")),
            reason=row.reason,
            amount=money(row.amount_minor, row.currency or order.currency),
            created_at=row.created_at,
        )
        for row in _rows(site, request, order)
    ]


def _rows(site: admin.AdminSite, request: HttpRequest, order: Order) -> Iterator[Refund | Dispute]:
    for rows in (visible_rows(site, request, Refund), visible_rows(site, request, Dispute)):
        yield from rows.filter(order=order.pk, store=order.store_id, gone_at=None)
