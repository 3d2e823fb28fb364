"""What items cost a buyer of a country, with tax; for price pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.core.cache import cache

from pandabase_django.api import schemas
from pandabase_django.api.params import EstimateBody
from pandabase_django.exceptions import CheckoutError, PandabaseError
from pandabase_django.models import Store
from pandabase_django.services.caching import unless_cache_fails
from pandabase_django.services.checkout.clients import public_client_for
from pandabase_django.services.checkout.lines import ItemLike, checked_lines
from pandabase_django.services.checkout.refusals import error_for, refused

__all__ = ["estimate_checkout"]

KEPT_SECONDS = 60


def estimate_checkout(
    store: Store,
    items: Sequence[ItemLike],
    *,
    country: str,
    state: str = "",
    coupon_code: str = "",
    tax_id: str = "",
) -> schemas.Estimate:
    """What a checkout of these items would cost; nothing is opened. Kept for a minute::

        estimate = estimate_checkout(store, [(product, 2)], country="DE")
        estimate.total_minor, estimate.tax_amount_minor

    Args:
        store: The store that sells.
        items: As for ``open_checkout``.
        country: ISO 3166 code of two letters.
        state: A state's code, where taxes differ by state.
        coupon_code: A coupon.
        tax_id: The buyer's.

    Raises:
        CheckoutRefused: They can't be bought so.
        CheckoutUnavailable: The remote could not be asked.
        ConfigurationError: ``PANDABASE["API_URL"]`` is no address.
    """
    if not store.enabled:
        raise refused("store", f"The store {store.pk} is disabled here. Enable it in the admin.")
    body: EstimateBody = {
        "items": [line.to_body() for line in checked_lines(store, items)],
        "country": country.upper(),
    }
    if state:
        body["state"] = state
    if coupon_code:
        body["coupon_code"] = coupon_code
    if tax_id:
        body["tax_id"] = tax_id
    found = _estimated(store, body)
    del body, coupon_code, tax_id  # error reports show variables
    if isinstance(found, CheckoutError):
        raise found
    return found


def _estimated(store: Store, body: EstimateBody) -> schemas.Estimate | CheckoutError:
    """The estimate, or why there is none: frames of the request hold what was sent."""
    text = json.dumps([store.pk, body], sort_keys=True)
    key = f"pandabase:estimate:{hashlib.sha256(text.encode()).hexdigest()}"
    nothing: Any = None
    known = unless_cache_fails(lambda: cache.get(key), nothing)
    if isinstance(known, dict):
        return schemas.Estimate.from_json(known)
    try:
        with public_client_for(store) as client:
            estimate = client.checkout.estimate(body)
    except PandabaseError as error:
        hidden = (body.get("coupon_code", ""), body.get("tax_id", ""))
        return error_for(error, hidden=hidden)
    # As it came: some caches keep JSON alone, and in a deploy another version may read it.
    unless_cache_fails(lambda: cache.set(key, estimate.payload, KEPT_SECONDS), nothing)
    return estimate
