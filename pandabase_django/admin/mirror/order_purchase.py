"""The checkout that an order was paid for, its user and the verdict, for the order's page."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest

from pandabase_django.admin.base.links import change_url, link
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.checkout.cells import handing_badge, user_link, verdict_badge
from pandabase_django.admin.checkout.texts import VerdictText, difference_texts, explain
from pandabase_django.models import CheckoutSession, Order, Purchase

__all__ = ["ShownPurchase", "purchases_of"]


@dataclass(frozen=True, slots=True)
class ShownPurchase:
    """What an order is to a checkout."""

    url: str
    verdict: str
    handed: str
    session: str
    user: str
    purpose: str
    differences: list[str]
    explanation: VerdictText


def purchases_of(site: admin.AdminSite, request: HttpRequest, order: Order) -> list[ShownPurchase]:
    """That of an order; empty when there is none, or this person may not see it."""
    visible = visible_rows(site, request, Purchase)
    return [
        ShownPurchase(
            url=change_url(site, "purchase", row.pk),
            verdict=verdict_badge(row),
            handed=handing_badge(row),
            session=link(site, row.session)
            if may_view(site, request, CheckoutSession)
            else str(row.session),
            user=user_link(site, row.user),
            purpose=row.purpose,
            differences=difference_texts(row),
            explanation=explain(row),
        )
        for row in visible.filter(order=order.pk, store=order.store_id)
    ]
