"""Changing what is subscribed to, and what the next renewal charges (Source: P-50, P-58)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from pandabase_django.api import schemas
from pandabase_django.api.client import Client
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import Product, RemoteAction, Subscription
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Reading, Shown, refused
from pandabase_django.services.actions.subjects.subscriptions import (
    AnySubscription,
    kind_of_subscriptions,
    status_is,
)
from pandabase_django.services.tokens.clients import client_for

__all__ = ["CHANGE_PLAN", "INTERVALS", "change_plan", "upcoming_invoice"]

INTERVALS = ("WEEKLY", "MONTHLY", "YEARLY")
MAX_QUANTITY = 100_000
# Parameters of a change that the subscription shows afterwards, under the same names.
_SHOWN = ("product_id", "billing_interval", "quantity")


def upcoming_invoice(subscription: Subscription) -> schemas.UpcomingInvoice:
    """Ask what the next renewal charges, with the usage that is open.

    Raises:
        PandabaseError: It could not be asked, or there is no next renewal.
        ConfigurationError: The store has no active token.
    """
    with client_for(subscription.store, hurried=True) as client:
        return client.subscriptions.upcoming_invoice(subscription.pk)


def change_plan(
    subscription: Subscription,
    *,
    reason: str,
    product: Product | str | None = None,
    variant_id: str = "",
    billing_interval: str = "",
    quantity: int | None = None,
    at_period_end: bool = False,
    by: Any = None,
) -> RemoteAction:
    """Change what is subscribed to. What is not given stays.

    What costs more is charged at once, in proportion; what costs less, and what is asked for
    ``at_period_end``, comes with the next renewal (Source: P-50).

    Args:
        subscription: The subscription.
        reason: Why, in the shop's words; it stays here.
        product: Another product of the store, or its id.
        variant_id: A variant of it.
        billing_interval: WEEKLY, MONTHLY or YEARLY.
        quantity: 1 to 100,000.
        at_period_end: Not before the next renewal.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: It can't be done, by what is known here; ``code`` says why.
        ActionInProgress: What became of another action of it is not known yet.
    """
    given = {
        "product_id": product.pk if isinstance(product, Product) else product,
        "variant_id": variant_id or None,
        "billing_interval": billing_interval or None,
        "quantity": quantity,
        "proration_behavior": "END_OF_PERIOD" if at_period_end else "IMMEDIATELY",
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    return ask(CHANGE_PLAN, subscription, reason=reason, by=by, parameters=parameters)


def _check_change(row: Subscription, parameters: Mapping[str, Any], now: datetime) -> None:
    status_is("TRIALING", "ACTIVE")(row, parameters, now)
    if not parameters:
        return  # asked before anything was chosen
    wanted = {name: value for name, value in parameters.items() if name != "proration_behavior"}
    quantity = wanted.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise refused("quantity", _("The quantity is a whole number."))
    if not 1 <= quantity <= MAX_QUANTITY:
        text = _("The quantity is 1 to %(most)d.")
        raise refused("quantity", text % {"most": MAX_QUANTITY})
    if all(name in _SHOWN and _shows(row, name, value) for name, value in wanted.items()):
        raise refused("nothing", _("This changes nothing."))
    product = wanted.get("product_id")
    if product is not None:
        rows = Product.objects.live().filter(pk=product, store=row.store_id)
        if not rows.exists():
            raise refused("product", _("The store has no such product."))
    if wanted.get("billing_interval", INTERVALS[0]) not in INTERVALS:
        text = _("The interval is one of these: %(names)s")
        raise refused("interval", text % {"names": ", ".join(INTERVALS)})


def _shows(row: AnySubscription, name: str, value: Any) -> bool:
    return bool(getattr(row, name) == value)


def _is_changed(row: AnySubscription, action: RemoteAction) -> bool:
    asked = {name: action.parameters[name] for name in _SHOWN if name in action.parameters}
    return bool(asked) and all(_shows(row, name, value) for name, value in asked.items())


def _note_invoice(client: Client, action: RemoteAction) -> dict[str, Any]:
    """What the next renewal would charge before the change: a planned one shows there alone."""
    try:
        invoice = client.subscriptions.upcoming_invoice(action.object_id)
    except PandabaseError:
        return {}  # a change can be made without it; only a lost answer is harder to settle
    return {"base_before_minor": invoice.base_minor}


def _look_for_change(client: Client, action: RemoteAction) -> Reading:
    found = client.subscriptions.get(action.object_id)
    if _is_changed(found, action):
        return Reading(Shown.DONE)
    before = action.parameters.get("base_before_minor")
    base = client.subscriptions.upcoming_invoice(action.object_id).base_minor
    if before is None or base is None:
        return Reading(Shown.UNCLEAR)
    if base != before:
        text = _("Its answer was lost. The next renewal charges another amount.")
        return Reading(Shown.DONE, words=text)
    return Reading(Shown.UNCLEAR if _same_price(action, found, before) else Shown.NOT_YET)


def _same_price(action: RemoteAction, found: schemas.Subscription, before: int) -> bool:
    """Whether the invoice would be the same if the change was made, as far as it can be told."""
    asked = action.parameters
    if "variant_id" in asked or "billing_interval" in asked:
        return True  # what these cost, a product's price does not tell
    quantity = found.quantity or 1
    if "product_id" not in asked:
        return before == 0 or asked.get("quantity", quantity) == quantity
    product = Product.objects.filter(pk=asked["product_id"], store=action.store_id).first()
    if product is None or product.price_minor is None:
        return True
    return bool(product.price_minor * asked.get("quantity", quantity) == before)


def _shows_soon(row: AnySubscription, action: RemoteAction) -> bool:
    """Whether the row shows the change, or will not before the next renewal."""
    later = action.parameters.get("proration_behavior") == "END_OF_PERIOD"
    return later or _is_changed(row, action)


CHANGE_PLAN = kind_of_subscriptions(
    RemoteAction.What.CHANGE_PLAN,
    "change_plan",
    _shows_soon,
    operation="subscription_change",
    check=_check_change,
    body=lambda parameters: {
        name: value for name, value in parameters.items() if name != "base_before_minor"
    },
    note_before=_note_invoice,
    look=_look_for_change,
)
