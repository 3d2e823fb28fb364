"""Coupons, a short list that is read whole."""

from __future__ import annotations

from pandabase_django.api import schemas
from pandabase_django.models import Coupon
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.readings.sweep import Sweep
from pandabase_django.services.sync.readings.unseen import orders_by

__all__ = ["COUPONS"]

COUPONS: Resource[schemas.Coupon] = Resource(
    name="coupons",
    model=Coupon,
    schedule=Schedule.SELDOM,
    listing=lambda client: client.coupons.listing,
    permission="COUPONS_READ",
    readings=[Sweep(others=orders_by("code", "value", "timesUsed", "updatedAt"))],
)
