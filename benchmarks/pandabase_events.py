"""What the bench hands out: one row a purchase, as a course's seat would be."""

from __future__ import annotations

from django.contrib.auth.models import Group

from pandabase_django.events import on_paid
from pandabase_django.models import Purchase

__all__ = ["PURPOSE", "hand_out"]

PURPOSE = "bench"


@on_paid(PURPOSE)
def hand_out(purchase: Purchase) -> None:
    """One INSERT."""
    Group.objects.create(name=str(purchase.pk))
