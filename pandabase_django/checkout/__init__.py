"""Selling: open a checkout, and what it costs. What was paid comes to ``pandabase_django.events``.

::

    from pandabase_django.checkout import CheckoutError, open_checkout

    try:
        session = open_checkout(
            store, [(product, 1)], user=request.user, purpose="course",
            context={"course": course.pk}, return_url="https://shop.example/thanks/{session}/",
        )
    except CheckoutError as error:
        messages.error(request, error.for_buyer)
    else:
        return redirect(session.checkout_url)
"""

from __future__ import annotations

from pandabase_django.api.schemas import Estimate
from pandabase_django.exceptions import (
    CheckoutError,
    CheckoutRefused,
    CheckoutUnavailable,
    CheckoutUnknown,
)
from pandabase_django.services.checkout.estimates import estimate_checkout
from pandabase_django.services.checkout.lines import FreeItem, Item, ItemLike
from pandabase_django.services.checkout.opening import open_checkout

__all__ = [
    "CheckoutError",
    "CheckoutRefused",
    "CheckoutUnavailable",
    "CheckoutUnknown",
    "Estimate",
    "FreeItem",
    "Item",
    "ItemLike",
    "estimate_checkout",
    "open_checkout",
]
