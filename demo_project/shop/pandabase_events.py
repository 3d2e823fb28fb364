"""Hands out licences for what was paid. A module of this name is imported at start."""

from __future__ import annotations

from django.utils import timezone

from demo_project.shop.models import Licence
from pandabase_django.actions import evidence_for
from pandabase_django.events import on_paid, on_restored, on_reversed
from pandabase_django.models import Dispute, Purchase

__all__ = ["PURPOSE", "evidence", "give_again", "hand_out", "take_back"]

PURPOSE = "licence"


@on_paid(PURPOSE)
def hand_out(purchase: Purchase) -> None:
    """One licence a piece, for the user that the checkout was opened for."""
    for item in purchase.items:
        for _ in range(item.quantity or 0):
            Licence.objects.create(
                purchase=purchase, user=purchase.user, product_name=item.name[:500]
            )


@on_reversed(PURPOSE)
def take_back(purchase: Purchase) -> None:
    """The money went back: the licences hold no longer."""
    Licence.objects.filter(purchase=purchase).update(taken_back_at=timezone.now())


@on_restored(PURPOSE)
def give_again(purchase: Purchase) -> None:
    """A dispute was won; maybe before anything had been handed out."""
    if not Licence.objects.filter(purchase=purchase).update(taken_back_at=None):
        hand_out(purchase)


@evidence_for(PURPOSE)
def evidence(dispute: Dispute) -> str:
    """What the buyer was given, and when: it is proposed on the dispute's page."""
    given = Licence.objects.filter(purchase__order=dispute.order_id)
    return "\n".join(
        f"{one.handed_out_at:%Y-%m-%d %H:%M} UTC: a licence of {one.product_name} was handed out."
        for one in given
    )
